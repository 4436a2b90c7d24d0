// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Numbers at the limit of their type, where a sum would end the program.
@Suite struct HugeNumbersTests {
    private static let limit = "9223372036854775807"

    private func expectAnswer(
        _ kecsctl: Kecsctl, _ words: [String], _ place: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await kecsctl.run(words)
        #expect((0..<100).contains(answer.status), "\(words): \(answer.status)", sourceLocation: place)
        #expect(!answer.errors.contains("unforeseen"), "\(words): \(answer.errors)", sourceLocation: place)
    }

    /// Every member at its limit, and the sums right, as a program with a fault would write it.
    @Test func `a manifest of largest numbers ends no command`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let made = try await kecsctl("backup", "dev", "-o", "name")
            let id = try #require(made.output.split(separator: "\n").first)
            let script = """
                set -eu
                cd '\(root)/home/backups/dev/\(id)'
                chmod -R u+w .
                sed -i -E 's/"(bytes|entries|sourceBytes|pages|kecsctl_migrations)" : [0-9]+/"\\1" : \(Self.limit)/' manifest.json
                sum=$(sha256sum manifest.json | cut -d' ' -f1)
                sed -i "s/^[0-9a-f]*\\(  manifest.json\\)/$sum\\1/" SHA256SUMS
                """
            try #require(system(script) == 0)
            for words in [
                ["backups", "list", "dev"], ["backups", "show", String(id), "--instance", "dev"],
                ["list"], ["status", "dev"], ["check", "dev"], ["metrics"], ["doctor", "dev"],
                ["backups", "verify", "--all"], ["restore", "dev", "--from", "latest", "-n"],
                ["backups", "prune", "dev", "--keep", "1", "-n"], ["backup", "dev"],
            ] {
                try await expectAnswer(kecsctl, words)
            }
            let list = try await kecsctl("backups", "list", "dev", "-o", "json").items()
            #expect(list.contains { $0["id"]?.string == String(id) && $0["state"] == "damaged" }, "\(list)")
        }
    }

    /// A file system in memory takes what no disk has.
    @Test func `two sparse files of the largest size end no command`() async throws {
        var name = Array("/dev/shm/kecsctl-test-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { try Test.cancel("there is no /dev/shm that can be written") }
        let root = FilePath(platformString: name)
        defer { try? root.removeTree() }
        let kecsctl = Kecsctl(home: root.appending("home"))
        #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        let data = root.appending("home/instances/dev/data")
        try data.appending("sub").createFolder()
        guard system("cd '\(data)' && truncate -s \(Self.limit) a sub/b && : >sub/c.db-wal") == 0 else {
            try Test.cancel("/dev/shm takes no file of that size")
        }
        for words in [
            ["list"], ["status", "dev"], ["metrics"], ["check", "dev"],
            ["doctor", "dev", "--check", "data.size"],
            ["backup", "dev", "-n"], ["backup", "dev"], ["stop", "dev"], ["restart", "dev"],
            ["migrate", "export", "dev", "\(root)/out.tar.gz", "-n"], ["destroy", "dev", "--yes", "-n"],
            ["destroy", "dev", "--yes"], ["inspect", "dev"], ["du", "dev"], ["volumes", "dev"],
            ["clone", "dev", "two"],
        ] {
            try await expectAnswer(kecsctl, words)
        }
        let refused = try await kecsctl("backup", "dev")
        // More than an archive holds, though nothing of it is allocated.
        #expect(refused.status == 1 && refused.errors.contains("File too large"), "\(refused.errors)")
    }
}
