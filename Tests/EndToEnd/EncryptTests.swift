// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Encrypted backups, with the stock gpg and age on the other side.
@Suite struct EncryptTests {
    private struct Scene {
        let root: FilePath
        var kecsctl: Kecsctl
        var home: FilePath { root.appending("home") }
        var database: FilePath { home.appending("instances/dev/data/kecs.db") }
        var backups: FilePath { home.appending("backups/dev") }

        func sh(_ script: String) async throws -> String {
            var call = ProcessCall("sh", "-ec", script)
            call.folder = root
            let result = try await SystemProcesses(
                environment: [
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": root.string, "LC_ALL": "C",
                    "GNUPGHOME": root.appending("gnupg").string,
                ], cancellation: Cancellation()
            ).run(call)
            try #require(result.succeeded, "\(script): \(result.errorText)")
            return result.outputText
        }

        func key(_ name: String, _ text: String) throws -> FilePath {
            let file = root.appending(name)
            try file.replaceContents(Array((text + "\n").utf8), mode: 0o600)
            return file
        }

        func write(_ row: Int) throws {
            try SQLiteDatabase(database, .readWrite).executeScript(
                "CREATE TABLE IF NOT EXISTS rows (n); INSERT INTO rows VALUES (\(row))")
        }

        func rows() throws -> [Int64] {
            try SQLiteDatabase(database, .readOnly).query("SELECT n FROM rows ORDER BY n").compactMap {
                $0[0].integer
            }
        }

        /// The newest backup's folder.
        func newest() throws -> FilePath {
            let ids = try backups.entries().map(\.string).filter { $0.hasPrefix("2") }.sorted()
            return backups.appending(try #require(ids.last))
        }

        func must(_ words: String...) async throws -> Kecsctl.Answer {
            let answer = try await kecsctl.run(words)
            try #require(answer.status == 0, "\(words): \(answer.errors)\(answer.output)")
            return answer
        }
    }

    private func scene(_ body: (inout Scene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            var scene = Scene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            scene.kecsctl.environment["GNUPGHOME"] = root.appending("gnupg").string
            try root.appending("gnupg").createFolder()
            _ = try await scene.must("start", "dev", "--runtime", "local")
            try scene.write(1)
            try await body(&scene)
        }
    }

    @Test
    func `with a passphrase gpg alone decrypts it, sums hold without it, and everything reads it with it`()
        async throws
    {
        try await scene { scene in
            let key = try scene.key("key", "correct horse")
            _ = try await scene.must("backup", "dev", "--encrypt", "gpg", "--passphrase-file", key.string)
            let folder = try scene.newest()
            let names = try folder.entries().map(\.string).sorted()
            #expect(
                names == [
                    "SHA256SUMS", "config.tar.gz.gpg", "data.tar.gz.gpg", "manifest.json", "minio.tar.gz.gpg",
                ])
            _ = try await scene.sh("cd \(folder) && sha256sum --quiet -c SHA256SUMS")
            let listed = try await scene.sh(
                "gpg --batch --quiet --pinentry-mode loopback --passphrase-file \(key) --decrypt "
                    + "\(folder)/data.tar.gz.gpg | tar tz")
            #expect(listed.contains("kecs.db"), "\(listed)")

            // Without the key: what is stored is as it was, and that it was not decrypted is said.
            let verified = try await scene.must("backups", "verify", "latest", "-o", "json")
            #expect(
                try verified.first()["sealed"]?.array?.compactMap(\.string).sorted() == [
                    "config", "data", "minio",
                ])
            try scene.write(2)
            let before = try scene.database.contents()
            let bad = try scene.key("bad", "wrong")
            for words in [[], ["--passphrase-file", bad.string]] {
                let answer = try await scene.kecsctl.run(["restore", "dev", "--from", "latest"] + words)
                #expect(answer.status == 12, "\(answer.errors)")
                #expect(answer.errors.contains("try:"))
                #expect(try scene.database.contents() == before, "nothing was touched")
                for verb in [
                    ["backups", "ls", "latest", "data"], ["backups", "cat", "latest", "data/kecs.db"],
                    ["backups", "find", "kecs.db"], ["backups", "diff", "latest"],
                    ["backups", "drill", "dev"],
                    ["restore", "dev", "--from", "latest", "--dry-run"],
                ] {
                    let answer = try await scene.kecsctl.run(verb + words)
                    #expect(answer.status == 12, "\(verb): \(answer.status) \(answer.errors)")
                }
            }

            // With it.
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
            let whole = try await scene.must("backups", "verify", "latest", "-o", "json")
            #expect(try whole.first()["sealed"] == nil)
            #expect(try await scene.must("backups", "ls", "latest", "data").output.contains("kecs.db"))
            #expect(try await scene.must("backups", "find", "kecs.db").output.contains("kecs.db"))
            #expect(
                try await scene.must("backups", "cat", "latest", "data/kecs.db").output.hasPrefix("SQLite"))
            #expect(try await scene.must("backups", "diff", "latest").output.contains("rows"))
            _ = try await scene.must("backups", "drill", "dev")
            _ = try await scene.must(
                "restore", "dev", "--from", "latest", "--into", scene.root.string + "/out")
            #expect(try scene.root.appending("out/data/kecs.db").isPresent)
            _ = try await scene.must("restore", "dev", "--from", "latest")
            #expect(try scene.rows() == [1])

            // The instance is gone: its configuration is in the encrypted part.
            _ = try await scene.must("config", "set", "keep", "7", "--instance", "dev")
            _ = try await scene.must("backup", "dev", "--encrypt", "gpg")
            try scene.home.appending("instances/dev").removeTree()
            _ = try await scene.must("restore", "dev", "--from", "latest")
            #expect(try scene.rows() == [1])
            #expect(try await scene.must("config", "get", "keep", "--instance", "dev").output == "7\n")
            // Nothing decrypted stays anywhere.
            #expect(try await scene.sh("ls -A \(scene.root)/tmp 2>/dev/null || true") == "")
        }
    }

    @Test func `an unchanged part is taken over, but not one of another passphrase`() async throws {
        try await scene { scene in
            let key = try scene.key("key", "first")
            _ = try await scene.must("config", "set", "encrypt", "gpg", "--instance", "dev")
            _ = try await scene.must(
                "config", "set", "passphraseFile", key.string, "--instance", "dev")
            func part() throws -> (ino: UInt64, JSONValue) {
                let folder = try scene.newest()
                let manifest = try JSONFile.read(JSONValue.self, from: folder.appending("manifest.json"))
                let record = try #require(manifest["parts"]?.array?.first { $0["name"]?.string == "config" })
                let file = folder.appending(try #require(record["file"]?.string))
                return (try #require(try FileStatus.of(file)).inode, record)
            }
            _ = try await scene.must("backup", "dev")
            let first = try part()
            #expect(first.1["encryption"]?.string == "gpg")
            // Time stamps of the last two seconds prove nothing.
            var last = first.ino
            let isTakenOver = try await SystemClock().wait(upTo: .seconds(120), every: .seconds(1)) {
                _ = try await scene.must("backup", "dev")
                let now = try part().ino
                defer { last = now }
                return now == last
            }
            #expect(isTakenOver)
            _ = try scene.key("key", "second")
            _ = try await scene.must("backup", "dev")
            #expect(try part().ino != last, "encrypted again")
            _ = try await scene.must("backups", "verify", "latest")
            _ = try await scene.must("backup", "dev", "--encrypt", "none")
            #expect(try part().1["encryption"] == nil)
        }
    }

    @Test func `a flipped bit is damage, with the key and without`() async throws {
        try await scene { scene in
            let key = try scene.key("key", "secret")
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
            _ = try await scene.must("backup", "dev", "--encrypt", "gpg")
            let file = try scene.newest().appending("data.tar.gz.gpg")
            var bytes = try file.contents()
            bytes[bytes.count / 2] ^= 4
            try file.replaceContents(bytes)
            #expect(try await scene.kecsctl("backups", "verify", "latest").status == 13)
            #expect(try await scene.kecsctl("restore", "dev", "--from", "latest").status != 0)
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = nil
            #expect(
                try await scene.kecsctl("backups", "verify", try scene.newest().lastComponent?.string ?? "")
                    .status == 13)
        }
    }

    @Test func `age encrypts for keys, and only a key opens it`() async throws {
        try await scene { scene in
            _ = try await scene.sh(
                "umask 077; age-keygen -o id.txt 2>/dev/null; age-keygen -o other.txt 2>/dev/null")
            let recipient = try await scene.sh("age-keygen -y id.txt").split(separator: "\n").joined()
            let none = try await scene.kecsctl("backup", "dev", "--encrypt", "age")
            #expect(none.status == 64, "\(none.errors)")
            let odd = try await scene.kecsctl("backup", "dev", "--encrypt", "age", "--recipient", "age1nope")
            #expect(odd.status == 12, "\(odd.errors)")
            #expect(try !scene.backups.isPresent || scene.backups.entries().isEmpty, "nothing was made")
            _ = try await scene.must("backup", "dev", "--encrypt", "age", "--recipient", recipient)
            let folder = try scene.newest()
            #expect(
                try await scene.sh("age -d -i id.txt \(folder)/data.tar.gz.age | tar tz").contains("kecs.db"))
            try scene.write(2)
            let before = try scene.database.contents()
            for words in [[], ["--identity-file", scene.root.appending("other.txt").string]] {
                let answer = try await scene.kecsctl.run(["restore", "dev", "--from", "latest"] + words)
                #expect(answer.status == 12, "\(answer.errors)")
                #expect(try scene.database.contents() == before)
            }
            _ = try await scene.must(
                "restore", "dev", "--from", "latest", "--identity-file", scene.root.appending("id.txt").string
            )
            #expect(try scene.rows() == [1])
        }
    }

    @Test func `gpg encrypts for a key of its keyring`() async throws {
        try await scene { scene in
            _ = try await scene.sh(
                "chmod 700 gnupg; gpg --batch --quiet --passphrase '' --quick-gen-key ops@example.org default default never"
            )
            _ = try await scene.must("backup", "dev", "--encrypt", "gpg", "--recipient", "ops@example.org")
            try scene.write(2)
            _ = try await scene.must("restore", "dev", "--from", "latest")
            #expect(try scene.rows() == [1])
            _ = try await scene.sh("gpgconf --kill all")
            let unknown = try await scene.kecsctl(
                "backup", "dev", "--encrypt", "gpg", "--recipient", "nobody@example.org")
            #expect(unknown.status == 12, "\(unknown.errors)")
        }
    }

    @Test func `what gpg and age made themselves is restored`() async throws {
        try await scene { scene in
            let key = try scene.key("key", "theirs")
            _ = try await scene.sh(
                """
                umask 077
                age-keygen -o id.txt 2>/dev/null
                tar czf plain.tar.gz -C home/instances/dev/data kecs.db
                gpg --batch --quiet --pinentry-mode loopback --passphrase-file key --cipher-algo AES256 -o a.gpg --symmetric plain.tar.gz
                age -r "$(age-keygen -y id.txt)" -o a.age plain.tar.gz
                """)
            for (file, option, key) in [
                ("a.gpg", "--passphrase-file", key),
                ("a.age", "--identity-file", scene.root.appending("id.txt")),
            ] {
                try scene.write(2)
                let path = scene.root.appending(file).string
                let none = try await scene.kecsctl("restore", "dev", "--from", path)
                #expect(none.status == 12, "\(none.errors)")
                _ = try await scene.must("restore", "dev", "--from", path, option, key.string)
                #expect(try scene.rows() == [1], "\(file)")
            }
        }
    }

    @Test func `the passphrase is in no argument, environment, log, answer or file`() async throws {
        try await scene { scene in
            let secret = "hunter2-and-a-half"
            let tools = scene.root.appending("tools")
            try tools.createFolder()
            let seen = scene.root.appending("seen")
            try tools.appending("gpg").replaceContents(
                Array(
                    """
                    #!/bin/sh
                    { printf '%s\\n' "$@"; env; tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' '\\n' </proc/$PPID/cmdline; } >>\(seen)
                    exec /usr/bin/gpg "$@"
                    """.utf8), mode: 0o755)
            scene.kecsctl.environment["PATH"] = "\(tools):/usr/sbin:/usr/bin:/sbin:/bin"
            let key = try scene.key("key", secret)
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_COMMAND"] = "cat \(key)"
            let taken = try await scene.must("backup", "dev", "--encrypt", "gpg", "-vv", "-o", "json")
            let restored = try await scene.must("restore", "dev", "--from", "latest", "-vv", "-o", "json")
            #expect(try String(decoding: seen.contents(), as: UTF8.self).contains("--passphrase-fd"))
            for text in [taken.output, taken.errors, restored.output, restored.errors] {
                #expect(!text.contains(secret))
            }
            let found = try await scene.sh("grep -rl \(secret) . || true")
            #expect(found == "./key\n", "\(found)")
        }
    }

    @Test func `a key that others can read, or that is not there, is refused before anything is made`()
        async throws
    {
        try await scene { scene in
            let key = try scene.key("key", "secret")
            try key.setMode(0o644)
            let open = try await scene.kecsctl(
                "backup", "dev", "--encrypt", "gpg", "--passphrase-file", key.string)
            #expect(open.status == 12)
            #expect(open.errors.contains("chmod 600"), "\(open.errors)")
            let missing = try await scene.kecsctl(
                "backup", "dev", "--encrypt", "gpg", "--passphrase-file", scene.root.string + "/none")
            #expect(missing.status == 12, "\(missing.errors)")
            let none = try await scene.kecsctl("backup", "dev", "--encrypt", "gpg")
            #expect(none.status == 12, "\(none.errors)")
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_COMMAND"] = "exit 3"
            let failed = try await scene.kecsctl("backup", "dev", "--encrypt", "gpg")
            #expect(failed.status == 12, "\(failed.errors)")
            #expect(try !scene.backups.isPresent || scene.backups.entries().isEmpty)
        }
    }
}
