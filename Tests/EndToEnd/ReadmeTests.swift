// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The README's examples, in its order, as somebody would type them who has just built the program.
@Suite struct ReadmeTests {
    private static let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("README.md")

    /// The lines that call kecsctl between two headings, without their comments; a crontab's without their times.
    private static func commands(from start: String, to end: String) throws -> [String] {
        let text = String(decoding: try file.contents(), as: UTF8.self)
        let from = try #require(text.firstRange(of: "\n## \(start)\n"))
        let to = try #require(text.firstRange(of: "\n## \(end)\n"))
        return text[from.upperBound..<to.lowerBound].split(separator: "\n").compactMap { line in
            guard let call = line.firstRange(of: "kecsctl "),
                line[..<call.lowerBound].allSatisfy({ " 0123456789*/".contains($0) })
            else { return nil }
            let comment = line.firstRange(of: " # ")?.lowerBound ?? line.endIndex
            return String(line[call.lowerBound..<comment])
        }
    }

    @Test func `its examples do what it says, one after the other`() async throws {
        try await withTemporaryFolder { root in
            try root.appending("bin").createFolder()
            #expect(symlink(Kecsctl.program.string, root.appending("bin/kecsctl").string) == 0)
            // “recover” needs k3d; docs/guides/state-recovery.md runs it.
            let commands = try Self.commands(from: "First examples", to: "What it promises")
                .filter { !$0.contains("kecsctl recover") }
            #expect(commands.count >= 15)
            for command in commands {
                var call = ProcessCall("sh", ["-c", "set -e; \(command)"])
                call.folder = root
                call.limit = .seconds(120)
                let result = try await SystemProcesses(
                    environment: [
                        "HOME": root.string, "PATH": "\(root)/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    ], cancellation: Cancellation()
                ).run(call)
                // Of the machine that this runs on doctor may find something wrong.
                let isExpected =
                    result.succeeded || (command.contains("doctor") && result.end == .exited(20))
                #expect(isExpected, "\(command): \(result.end) \(result.errorText)")
            }
            #expect(
                try root.appending("then.db").contents().prefix(15).elementsEqual("SQLite format 3".utf8))
        }
    }
}
