// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The trace of each verb on an instance whose data belongs to another user: below the data no system call takes a path
/// that could lead elsewhere.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct TraceTests {
    @Test(
        .enabled(if: (try? FilePath("/usr/bin/strace").isPresent) == true, "strace is not installed"),
        arguments: [
            ["backup", "dev"], ["restore", "dev", "--from", "latest"], ["undo", "dev"],
            ["db", "check", "dev"],
            ["db", "dump", "dev"], ["db", "rescue", "dev"], ["doctor", "dev", "--fix", "--yes"],
            ["status", "dev"],
            ["migrate", "status", "dev"], ["backups", "diff", "latest", "--instance", "dev"],
            ["backups", "prune", "dev"], ["restore", "dev", "--from", "latest", "--path", "sub/*"],
            ["migrate", "export", "dev", "EXPORT"], ["destroy", "dev", "--yes"],
        ])
    func `no call below the data takes a path`(verb: [String]) async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            if verb.first == "undo" {
                #expect(try await scene.kecsctl("restore", "dev", "--from", "latest").status == 0)
            }
            let trace = scene.root.appending("trace")
            let arguments = verb.map { $0.replacing("EXPORT", with: scene.root.appending("out").string) }
            var call = ProcessCall(
                "/usr/bin/strace",
                ["-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o", trace.string, Kecsctl.program.string]
                    + arguments)
            call.limit = .seconds(300)
            _ = try await SystemProcesses(
                environment: scene.kecsctl.variables, cancellation: Cancellation()
            ).run(call)
            let text = String(decoding: try trace.contents(limit: 1 << 30), as: UTF8.self)
            var seen = 0
            for line in text.split(separator: "\n") {
                // PID CALL(AT_FDCWD, "PATH" or CALL("PATH".
                guard let open = line.firstIndex(of: "(") else { continue }
                var rest = line[line.index(after: open)...]
                if rest.hasPrefix("AT_FDCWD, ") { rest = rest.dropFirst("AT_FDCWD, ".count) }
                guard rest.hasPrefix("\"\(scene.data)") else { continue }
                seen += 1
                let name = line[..<open].split(separator: " ").last ?? ""
                #expect(
                    name == "openat2" && rest.contains("RESOLVE_NO_SYMLINKS"), "\(verb): \(line)")
            }
            #expect(seen > 0 || ["status", "backups"].contains(verb[0]), "nothing was looked at")
        }
    }
}
