// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Whether anybody could be writing to a part, for what time stamps prove only when nobody does.
enum Writers {
    /// - Parameter isRunning: Whether the instance's own server runs: then a process that does not let itself be looked
    ///   into may be it.
    static func mayWrite(below places: [FilePath], isRunning: Bool) -> Bool {
        do {
            let found = try FileHolders.below(places, locks: false)
            return found.holders.contains(where: \.mayWrite)
                || isRunning && (!found.unseen.isEmpty || found.gap != nil)
        } catch {
            // Without an answer nothing is proved.
            return true
        }
    }

    /// Somebody who has a file open for writing: "3812 (app --serve)".
    static func writer(of file: FilePath) -> String? {
        let found = try? FileHolders.below([file], locks: false)
        return found?.holders.first(where: \.mayWrite).map { "\($0.pid) (\($0.command))" }
    }
}
