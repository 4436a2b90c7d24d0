// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Encrypted parts that are cut into segments, with the stock gpg and age on the other side.
@Suite(.serialized) struct EncryptSegmentsTests {
    private struct Scene {
        let root: FilePath
        var kecsctl: Kecsctl
        /// Of each object, in bytes: several of them make an archive.
        var size = 60_000
        var objects: FilePath { kecsctl.home.appending("instances/dev/minio-data/bucket") }

        func sh(_ script: String) async throws -> String {
            let call = ProcessCall("sh", "-ec", script)
            let result = try await SystemProcesses(
                environment: [
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": root.string,
                    "GNUPGHOME": root.appending("gnupg").string,
                ], cancellation: Cancellation()
            ).run(call)
            try #require(result.succeeded, "\(script): \(result.errorText)")
            return result.outputText
        }

        @discardableResult func must(_ words: String...) async throws -> Kecsctl.Answer {
            let answer = try await kecsctl.run(words)
            try #require(answer.status == 0, "\(words): \(answer.errors)\(answer.output)")
            return answer
        }

        func write(_ number: Int) throws {
            let file = objects.appending("o\(number)/xl.meta")
            try file.removingLastComponent().createFolder()
            var random = SystemRandomNumberGenerator()
            try file.replaceContents(
                (0..<(size / 8)).flatMap { _ in withUnsafeBytes(of: random.next(), Array.init) })
        }

        func backUp() async throws -> FilePath {
            // What was written a moment ago could be written again without a trace in its times.
            try await Task.sleep(for: .seconds(2.1))
            let id = try await must("backup", "dev", "-o", "json").first()["backup"]?["id"]?.string
            return kecsctl.home.appending("backups/dev").appending(try #require(id))
        }

        func inodes(_ backup: FilePath) throws -> Set<UInt64> {
            let folder = backup.appending("minio")
            return Set(
                try folder.entries().filter { $0.string != "segments" }
                    .compactMap { try FileStatus.of(folder.appending($0))?.inode })
        }

        func state() throws -> [String: [UInt8]] {
            var state: [String: [UInt8]] = [:]
            for name in try objects.entries() {
                state[name.string] = try objects.appending(name).appending("xl.meta").contents()
            }
            return state
        }
    }

    private func scene(size: Int = 60_000, _ body: (inout Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            var scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            scene.size = size
            scene.kecsctl.environment["GNUPGHOME"] = root.appending("gnupg").string
            try root.appending("gnupg").createFolder()
            try await scene.must("start", "dev", "--runtime", "local")
            try await scene.must("config", "set", "segmentsFrom", "1MiB")
            for number in 0..<30 { try scene.write(number) }
            try await body(&scene)
        }
    }

    @Test(arguments: ["gpg", "age"])
    func `what did not change is linked, the stock tool decrypts it, and a flipped bit is found`(
        method: String
    ) async throws {
        // gpg makes a key of the passphrase for each archive, so that they are larger.
        try await scene(size: method == "gpg" ? 2_000_000 : 60_000) { scene in
            let key = scene.root.appending("key")
            let open: String
            switch method {
            case "gpg":
                try key.replaceContents(Array("correct horse\n".utf8), mode: 0o600)
                scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
                open = "gpg --batch --quiet --pinentry-mode loopback --passphrase-file \(key) --decrypt"
            default:
                _ = try await scene.sh("age-keygen -o \(key) 2>/dev/null; chmod 600 \(key)")
                let recipient = try await scene.sh("age-keygen -y \(key)").filter { !$0.isNewline }
                try await scene.must("config", "set", "recipients", recipient)
                scene.kecsctl.environment["KECSCTL_IDENTITY_FILE"] = key.string
                open = "age -d -i \(key)"
            }
            try await scene.must("config", "set", "encrypt", method)
            let first = try await scene.backUp()
            try scene.write(7)
            try scene.write(301)
            let state = try scene.state()
            let second = try await scene.backUp()
            let shared = try scene.inodes(first).intersection(scene.inodes(second)).count
            let all = try scene.inodes(second).count
            #expect(shared > 2 && shared < all)
            #expect(
                try second.appending("minio").entries().allSatisfy {
                    $0.string == "segments" || $0.string.hasSuffix(".tar.gz.\(method)")
                })
            // Sums hold without the key, and by hand it is unpacked with it.
            _ = try await scene.sh("cd \(second) && sha256sum --quiet -c SHA256SUMS")
            let out = scene.root.appending("out")
            try out.createFolder()
            _ = try await scene.sh(
                "for file in \(second)/minio/*.\(method); do \(open) $file | tar xz -C \(out); done")
            #expect(
                try out.appending("bucket/o301/xl.meta").contents()
                    == scene.objects.appending("o301/xl.meta").contents())
            #expect(try await scene.must("backups", "verify", "--all", "-o", "json").items().count == 2)
            try await scene.must("backups", "drill", "dev")
            #expect(try await scene.must("backups", "ls", "latest", "minio/bucket").output.contains("o301"))
            try scene.objects.removeTree()
            try await scene.must("restore", "dev", "--from", "latest")
            #expect(try scene.state() == state)

            var without = scene.kecsctl
            without.environment["KECSCTL_PASSPHRASE_FILE"] = nil
            without.environment["KECSCTL_IDENTITY_FILE"] = nil
            let wrong = try await without("restore", "dev", "--from", "latest")
            #expect(wrong.status == 12, "\(wrong.errors)")
            #expect(try scene.state() == state)
            let segments = second.appending("minio")
            let name = try #require(try segments.entries().first { $0.string.hasSuffix(method) })
            var bytes = try segments.appending(name).contents()
            bytes[bytes.count / 2] ^= 1
            try segments.appending(name).replaceContents(bytes)
            for program in [without, scene.kecsctl] {
                let answer = try await program(
                    "backups", "verify", "dev/\(second.lastComponent?.string ?? "")")
                #expect(answer.status == 13 && answer.output.contains("minio/\(name)"), "\(answer.output)")
            }
        }
    }

    @Test func `gpg runs few times for a small part, and who prints the passphrase is asked once for it`()
        async throws
    {
        try await scene { scene in
            // A third of a second each, whatever is in it.
            let (calls, asked) = (scene.root.appending("calls"), scene.root.appending("asked"))
            let bin = scene.root.appending("bin")
            try bin.createFolder()
            try bin.appending("gpg").replaceContents(
                Array("#!/bin/sh\necho >>\(calls)\nexec /usr/bin/gpg \"$@\"\n".utf8), mode: 0o755)
            scene.kecsctl.environment["PATH"] = "\(bin):/usr/sbin:/usr/bin:/sbin:/bin"
            for number in 30..<100 { try scene.write(number) }
            try await scene.must("config", "set", "encrypt", "gpg")
            try await scene.must(
                "config", "set", "passphraseCommand", "echo >>\(asked); echo correct horse")
            func lines(_ file: FilePath) throws -> Int { try file.contents().count }
            _ = try await scene.backUp()
            // One of them proves that it works; each archive is written, and read back.
            let (first, questions) = (try lines(calls), try lines(asked))
            #expect(first < 16 && questions < 12, "\(first) calls, asked \(questions) times")
            try calls.remove()
            try await scene.must("restore", "dev", "--from", "latest")
            let more = try lines(calls)
            #expect(more < 16, "\(more)")
        }
    }

    @Test func `after another passphrase nothing of the old one is linked`() async throws {
        try await scene { scene in
            let key = scene.root.appending("key")
            try key.replaceContents(Array("first\n".utf8), mode: 0o600)
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
            try await scene.must("config", "set", "encrypt", "gpg")
            let first = try await scene.backUp()
            try key.replaceContents(Array("second\n".utf8), mode: 0o600)
            try scene.write(7)
            let second = try await scene.backUp()
            #expect(try scene.inodes(first).isDisjoint(with: scene.inodes(second)))
            try await scene.must("backups", "verify", "latest")
        }
    }
}
