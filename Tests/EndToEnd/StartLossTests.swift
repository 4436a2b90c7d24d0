// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What a start does when some or all of the state is gone: decided before anything is made, started or restored.
@Suite struct StartLossTests {
    private func with(_ body: (Kecsctl, _ instance: FilePath) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let instance = root.appending("home/instances/dev")
            try instance.appending("data/state").replaceContents(Array("one".utf8))
            try instance.appending("minio-data").createFolder()
            try instance.appending("minio-data/object").replaceContents(Array("object".utf8))
            #expect(try await kecsctl("backup", "dev").status == 0)
            try await body(kecsctl, instance)
        }
    }

    private func state(_ instance: FilePath) throws -> String {
        String(decoding: try instance.appending("data/state").contents(), as: UTF8.self)
    }

    @Test func `all is gone: the newest good backup comes back, and that is said first`() async throws {
        try await with { kecsctl, instance in
            for name in ["data", "minio-data"] { try instance.appending(name).removeTree() }
            let plan = try await kecsctl("start", "dev", "-n")
            #expect(plan.output.contains("would be restored from"), "\(plan.output)")
            #expect(try !instance.appending("data").isPresent)
            let started = try await kecsctl("start", "dev")
            #expect(started.status == 0, "\(started.errors)")
            #expect(started.output.split(separator: "\n").first?.contains("restored from") == true)
            #expect(try state(instance) == "one")
            #expect(try instance.appending("minio-data/object").isPresent)
        }
    }

    @Test(arguments: ["data/kecs.db", "data"])
    func `the first database is gone before any backup: no new one takes its place unasked`(
        gone: String
    ) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let instance = root.appending("home/instances/dev")
            try instance.appending(FilePath(gone).components).removeTree()
            for words in [["start", "dev"], ["start", "dev", "-n"]] {
                let answer = try await kecsctl.run(words)
                #expect(answer.status == 3 && answer.errors.contains("is gone"), "\(words): \(answer.errors)")
                #expect(try !instance.appending("data/kecs.db").isPresent)
            }
            #expect(try await kecsctl("start", "dev", "--restore", "none").status == 0)
            #expect(try instance.appending("data/kecs.db").isPresent)
            #expect(try await kecsctl("start", "dev").status == 0)
        }
    }

    @Test func `the newest backup is damaged: the one before it comes back, and that is said`() async throws {
        try await with { kecsctl, instance in
            try instance.appending("data/state").replaceContents(Array("two".utf8))
            let newer = try await kecsctl("backup", "dev", "-o", "name").output.split(separator: "\n").last
            let id = String(try #require(newer))
            let archive = kecsctl.home.appending("backups/dev").appending(id).appending("data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 0xFF
            try archive.remove()
            try archive.replaceContents(bytes)
            for name in ["data", "minio-data"] { try instance.appending(name).removeTree() }
            let started = try await kecsctl("start", "dev")
            #expect(started.status == 0, "\(started.errors)")
            #expect(started.output.contains("\(id) proved damaged"), "\(started.output)")
            #expect(try state(instance) == "one")
        }
    }

    @Test(arguments: ["minio-data", "data", "data/kecs.db"])
    func `some of it is gone: nothing is started, nothing restored, and both ways on work`(
        gone: String
    ) async throws {
        let part = gone == "minio-data" ? "minio" : gone
        for way in ["restore", "accept"] {
            try await with { kecsctl, instance in
                try instance.appending(FilePath(gone).components).removeTree()
                let names = try instance.entries().map(\.string)
                for words in [["start", "dev"], ["start", "dev", "-n"]] {
                    let answer = try await kecsctl.run(words)
                    #expect(answer.status == 3, "\(words): \(answer.errors)")
                    #expect(answer.errors.contains(part), "\(answer.errors)")
                    #expect(answer.errors.contains("--accept-loss \(part)"), "\(answer.errors)")
                    #expect(answer.errors.contains("restore dev --from latest --part"), "\(answer.errors)")
                }
                #expect(try instance.entries().map(\.string) == names)
                if way == "restore" {
                    let name = String(part.prefix { $0 != "/" })
                    #expect(
                        try await kecsctl("restore", "dev", "--from", "latest", "--part", name).status == 0)
                    #expect(try await kecsctl("start", "dev").status == 0)
                    #expect(try instance.appending(FilePath(gone).components).isPresent)
                } else {
                    let started = try await kecsctl("start", "dev", "--accept-loss", part)
                    #expect(started.status == 0, "\(started.errors)")
                    #expect(!started.output.contains("restored from"), "\(started.output)")
                    // It is written down: neither the next start nor the next backup asks again.
                    let again = try await kecsctl("start", "dev")
                    #expect(again.status == 0, "\(again.errors)")
                    if gone != "data" {
                        let backup = try await kecsctl("backup", "dev")
                        #expect(backup.status == 0, "\(backup.errors)")
                        #expect(try await kecsctl("start", "dev").status == 0)
                    }
                }
            }
        }
    }

    @Test func `stop and start without a loss never restore`() async throws {
        try await with { kecsctl, instance in
            try instance.appending("data/state").replaceContents(Array("newer than every backup".utf8))
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
            for _ in 0..<2 {
                let started = try await kecsctl("start", "dev")
                #expect(started.status == 0, "\(started.errors)")
                #expect(!started.output.contains("restored"), "\(started.output)")
            }
            #expect(try state(instance) == "newer than every backup")
        }
    }
}
