// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

extension Session {
    /// Adds a file to an unforeseen failure. It holds the facts that are needed to repair the defect.
    ///
    /// Any other failure is returned unchanged.
    func withDefectFile(_ failure: Failure) -> Failure {
        guard failure.isUnforeseen else { return failure }
        let moment = machine.clock.now()
        let text = """
            kecsctl \(Version.number)
            \(moment)
            kecsctl \(ShellWords.quote(words).masked)
            \(failure.message)
            \((failure.cause ?? "").masked)

            """
        let name = "kecsctl-defect-\(moment.compact).txt"
        for folder in [site.home.path, "/tmp"] {
            let file = folder.appending(name)
            do {
                guard try folder.isFolder else { continue }
                try file.replaceContents(Array(text.utf8), mode: 0o600)
            } catch {
                // Tries the next place; without any, the failure is reported as it is.
                continue
            }
            var failure = failure
            failure.remedy = "cat \(ShellWords.quote([file.string]))"
            failure.cause = (failure.cause ?? "") + "\nplease report this file: \(file)"
            return failure
        }
        return failure
    }
}
