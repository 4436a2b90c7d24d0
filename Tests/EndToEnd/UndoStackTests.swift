// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `undo` walks back through several restores, and nothing that was live is lost without having been asked for.
@Suite struct UndoStackTests {
    private func write(_ text: String, _ root: FilePath) throws {
        let file = root.appending("home/instances/dev/data/state")
        try file.replaceContents(Array(text.utf8))
    }

    private func state(_ root: FilePath) throws -> String {
        String(
            decoding: try root.appending("home/instances/dev/data/state").contents(), as: UTF8.self)
    }

    @Test func `two restores in a row are taken back one after the other, and come again`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            func must(_ words: String...) async throws -> Kecsctl.Answer {
                let answer = try await kecsctl.run(words)
                try #require(answer.status == 0, "\(words): \(answer.errors)")
                return answer
            }
            _ = try await must("start", "dev", "--runtime", "local")
            var backups: [String] = []
            for text in ["one", "two"] {
                try write(text, root)
                backups.append(
                    try await must("backup", "dev", "-o", "name").output.split(separator: "\n").last.map(
                        String.init)
                        ?? "")
            }
            try write("live", root)
            _ = try await must("restore", "dev", "--from", backups[0])
            _ = try await must("restore", "dev", "--from", backups[1])
            #expect(try state(root) == "two")
            let list = try await must("undo", "dev", "--list", "-o", "json").items()
            #expect(list.map { $0["from"]?.string } == [backups[1], backups[0]])
            _ = try await must("undo", "dev")
            #expect(try state(root) == "one")
            _ = try await must("undo", "dev")
            #expect(try state(root) == "live")
            // There is nothing left to go back to, and going forward is another thing.
            for words in [["undo", "dev"], ["undo", "dev", "--dry-run"]] {
                let refused = try await kecsctl.run(words)
                #expect(refused.status == 10)
                #expect(refused.errors.contains("kecsctl undo dev --redo"), "\(refused.errors)")
            }
            #expect(try state(root) == "live")
            _ = try await must("undo", "dev", "--redo")
            #expect(try state(root) == "one")
            _ = try await must("undo", "dev", "--redo")
            #expect(try state(root) == "two")
            #expect(try await kecsctl("undo", "dev", "--redo").status == 10)
        }
    }

    @Test func `what an interrupted operation owed is started, and told as it is then`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            func must(_ words: String...) async throws -> Kecsctl.Answer {
                let answer = try await kecsctl.run(words)
                try #require(answer.status == 0, "\(words): \(answer.errors)")
                return answer
            }
            _ = try await must(
                "start", "dev", "--runtime", "local", "--command", "sleep 600", "--health-url", "none")
            _ = try await must("backup", "dev")
            let duty = root.appending("home/instances/dev/duty.json")
            for words in [["restore", "dev", "--from", "latest"], ["undo", "dev"]] {
                _ = try await must("stop", "dev", "--no-backup")
                // As a killed restore leaves it.
                try duty.replaceContents(
                    Array(
                        #"{"because":"it was interrupted","operation":"restore","since":"2026-11-29T00:00:00Z","tries":0,"version":1}"#
                            .utf8))
                let answer = try await kecsctl.run(words)
                #expect(answer.status == 0, "\(answer.errors)")
                #expect(answer.output.contains(", running"), "\(words): \(answer.output)")
            }
            _ = try await must("stop", "dev", "--no-backup")
        }
    }

    @Test func `what more restores push out is a backup first`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            try write("backed up", root)
            #expect(try await kecsctl("backup", "dev").status == 0)
            try write("live", root)
            for round in 1...4 {
                let restored = try await kecsctl("restore", "dev", "--from", "latest")
                #expect(restored.status == 0, "\(restored.errors)")
                #expect(restored.errors.contains("is now the backup") == (round == 4), "\(restored.errors)")
            }
            #expect(try root.appending("home/instances/dev/.previous").entries().count == 3)
            let all = try await kecsctl("backups", "list", "dev", "-o", "json").items()
            let kept = try #require(all.first { $0["reason"] == "before-restore" }?["id"]?.string)
            // It is what was live before the first restore, and no good backup of now.
            let into = root.appending("look")
            #expect(
                try await kecsctl("restore", "dev", "--from", kept, "--into", into.string).status == 0)
            #expect(
                String(decoding: try into.appending("data/state").contents(), as: UTF8.self) == "live")
            let latest = try await kecsctl("restore", "dev", "--from", "latest", "--dry-run", "-o", "json")
            #expect(try latest.first()["from"]?.string != kept)
        }
    }
}
