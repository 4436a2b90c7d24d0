// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Whoever presses Ctrl-C does not wait until thousands of unpacked files are removed: they lie where nothing takes them for
/// a state, and the next command removes them.
@Suite struct InterruptedTests {
    private func scene(_ root: FilePath) async throws -> Kecsctl {
        let kecsctl = Kecsctl(home: root.appending("home"))
        try #require(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
        for index in 0..<4_000 {
            let folder = data(root).appending("many/\(index / 100)")
            if index % 100 == 0 { try folder.createFolder() }
            let file = open(folder.appending("\(index)").string, O_WRONLY | O_CREAT, 0o644)
            try #require(file >= 0)
            close(file)
        }
        try #require(try await kecsctl("backup", "dev").status == 0)
        return kecsctl
    }

    private func data(_ root: FilePath) -> FilePath { root.appending("home/instances/dev/data") }

    /// Sends SIGINT as soon as a hundred files are unpacked below one of the folders.
    ///
    /// - Returns: The exit status.
    private func interrupted(
        _ kecsctl: Kecsctl, unpackingBelow folder: FilePath, _ arguments: String...
    ) async throws -> Int32 {
        func count(_ place: FilePath, depth: Int) -> Int {
            // It comes and goes.
            guard depth > 0, let entries = try? place.entries() else { return 0 }
            return entries.reduce(entries.count) { $0 + count(place.appending($1), depth: depth - 1) }
        }
        let pid = try kecsctl.spawn(arguments)
        var status: Int32 = 0
        var isSent = false
        while waitpid(pid, &status, WNOHANG) == 0 {
            if !isSent, count(folder, depth: 6) > 100 {
                kill(pid, SIGINT)
                isSent = true
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(isSent)
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -1
    }

    private func postponed(_ folder: FilePath) throws -> [FilePath] { try Remnants(in: folder).postponed() }

    @Test func `an interrupted restore leaves what it unpacked to the next command`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let instance = root.appending("home/instances/dev")
            let before = try treeDigest(data(root))
            #expect(
                try await interrupted(
                    kecsctl, unpackingBelow: instance.appending(".restoring"), "restore", "dev", "--from",
                    "latest") == 130)
            #expect(try treeDigest(data(root)) == before)
            #expect(try !instance.appending("journal.json").isPresent)
            #expect(try !instance.appending(".restoring").isPresent)
            let left = try postponed(instance)
            #expect(left.count == 1)
            // It is nothing that could be restored, taken back or repaired.
            #expect(try await kecsctl("backups", "list", "dev", "-o", "json").items().count == 1)
            #expect(try await kecsctl("undo", "dev", "--list", "-o", "json").items().isEmpty)
            let doctor = try await kecsctl(
                "doctor", "dev", "--check", "files.remnants", "--fail-on", "warning")
            #expect(doctor.status == 0, "\(doctor.output)")
            #expect(try postponed(instance) == left)
            #expect(try await kecsctl("backups", "prune", "dev", "--keep", "9").status == 0)
            #expect(try !instance.appending(".going").isPresent)
        }
    }

    @Test func `an interrupted import leaves what it unpacked to the next command`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let third = root.appending("home/instances/third")
            #expect(
                try await interrupted(
                    kecsctl, unpackingBelow: third.appending(".restoring"), "migrate", "import",
                    data(root).string, "third") == 130)
            #expect(try !third.appending(".restoring").isPresent)
            #expect(try postponed(third).count == 1)
            #expect(try await kecsctl("stop", "third").status == 0)
            #expect(try !third.appending(".going").isPresent)
        }
    }

    @Test func `an interrupted drill leaves what it unpacked to the next command, whichever that is`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = try await scene(root)
            let aside = root.appending("aside")
            try aside.createFolder()
            #expect(
                try await interrupted(
                    kecsctl, unpackingBelow: aside, "backups", "drill", "dev", "--folder", aside.string)
                    == 130)
            #expect(try aside.entries().count == 1)
            // A drill that did not come to its end is none.
            let backup = try #require(try await kecsctl("backups", "list", "dev", "-o", "json").items().first)
            #expect(backup["drill"] == nil || backup["drill"] == .null)
            #expect(try aside.entries() == [])
            #expect(try root.appending("home").entries().filter { $0.string.hasPrefix(".drill-") } == [])
        }
    }
}
