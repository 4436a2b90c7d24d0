// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A machine on which root keeps the instance “dev”, whose data belongs to another user, and a folder with things that
/// nobody may touch: a file that only root can read, a set-uid file, and one with two names.
struct HostileScene: Sendable {
    /// As KECS's own container runs.
    static let stranger: UInt32 = 65532
    /// What stands in the file that only root may read.
    static let secret = "the-secret-that-only-root-may-read"

    let root: FilePath
    let kecsctl: Kecsctl
    var outside: FilePath { root.appending("outside") }
    /// The stranger's: `--data-dir`.
    var data: FilePath { root.appending("srv/data") }
    var database: FilePath { data.appending("kecs.db") }
    var home: FilePath { root.appending("home") }
    var instance: FilePath { home.appending("instances/dev") }

    static func with(_ body: (HostileScene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            try root.setMode(0o711)
            let scene = HostileScene(root: root, kecsctl: Kecsctl(home: root.appending("home")))
            try scene.fill()
            let started = try await scene.kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", scene.data.string)
            try #require(started.status == 0, "\(started.errors)")
            try await body(scene)
        }
    }

    private func fill() throws {
        try outside.createFolder()
        try outside.appending("secret").replaceContents(Array(Self.secret.utf8))
        try outside.appending("set-uid").replaceContents(Array("x".utf8), mode: 0o4755)
        try outside.appending("one").replaceContents(Array("two names".utf8), mode: 0o644)
        _ = link(outside.appending("one").string, outside.appending("other").string)
        try outside.appending("folder").createFolder()
        try outside.appending("folder/file").replaceContents(Array("below".utf8))
        let srv = root.appending("srv")
        try srv.createFolder(mode: 0o755)
        // The folder above is the stranger's too: so a part's own folder can be exchanged.
        try srv.setMode(0o755)
        try data.createFolder(mode: 0o755)
        try data.setMode(0o755)
        try makeDatabase(database)
        for name in ["sub", "sub/deep"] { try data.appending(FilePath(name).components).createFolder() }
        for name in ["file", "sub/file", "sub/deep/file"] {
            try data.appending(FilePath(name).components).replaceContents(Array("mine".utf8), mode: 0o644)
        }
        try giveAway()
    }

    func makeDatabase(_ file: FilePath, rows: Int = 100) throws {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let there = FilePath(file.string + suffix)
            if try there.isPresent { try there.remove() }
        }
        let database = try SQLiteDatabase(file, .create)
        try database.executeScript("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)")
        try database.transaction {
            for _ in 0..<rows { try database.execute("INSERT INTO t(text) VALUES (hex(randomblob(50)))") }
        }
    }

    /// All of `srv/` belongs to the stranger.
    func giveAway() throws {
        let owner = (user: Self.stranger, group: Self.stranger)
        try walkTree(TreeSource(root: root.appending("srv")), cancellation: Cancellation()) { path, _ in
            try root.appending("srv").appending(bytes: path).setOwner(owner)
        }
        try root.appending("srv").setOwner(owner)
    }

    /// Whether everything outside is what it was: bytes, modes, owners, names.
    func outsideDigest() throws -> String { try treeDigest(outside) }

    /// Runs a program as the stranger; ends with `stop`.
    func spawnStranger(_ script: String, _ arguments: [String]) throws -> pid_t {
        let words =
            [
                "/usr/bin/setpriv", "--reuid", "\(Self.stranger)", "--regid", "\(Self.stranger)",
                "--clear-groups",
                "/usr/bin/perl", "-e", script,
            ] + arguments
        var pid = pid_t()
        var argv = words.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for pointer in argv + envp { free(pointer) } }
        let code = posix_spawn(&pid, words[0], nil, nil, &argv, &envp)
        try #require(code == 0)
        return pid
    }

    func end(_ pid: pid_t) {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    /// No backup, report or export below the home holds the secret.
    func checkNothingLeaked(_ answers: [Kecsctl.Answer]) async throws {
        for answer in answers {
            #expect(!answer.output.contains(Self.secret) && !answer.errors.contains(Self.secret))
        }
        let store = home.appending("backups/dev")
        guard try store.isFolder else { return }
        for name in try store.entries() where BackupID(name.string) != nil {
            for file in try store.appending(name).entries() where file.string.hasSuffix(".gz") {
                let archive = store.appending(name).appending(file)
                var call = ProcessCall(
                    "/bin/sh", "-c", "gzip -dc \"$1\" | grep -c \(Self.secret)", "sh", archive.string)
                call.limit = .seconds(60)
                let found = try await SystemProcesses(
                    environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
                ).run(call)
                #expect(found.outputText == "0\n", "\(archive) holds what only root may read")
            }
        }
    }
}

/// What a writer leaves that was killed in a transaction over several databases, one of which is `victim`: SQLite rolls
/// back what there is to roll back, and then deletes the file of that name.
func plantJournal(beside database: FilePath, naming victim: FilePath) throws {
    let head = try database.prefix(100)
    let page = max(512, Int(head[16]) << 8 | Int(head[17]))
    let size = Int(try FileStatus.of(database)?.size ?? 0)
    func number(_ value: Int) -> [UInt8] {
        (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let magic: [UInt8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
    var journal = magic + number(0) + number(1234) + number(size / page) + number(512) + number(page)
    journal += [UInt8](repeating: 0, count: 512 - journal.count)
    let name = victim.bytes
    let sum = name.reduce(0) { $0 + Int(Int8(bitPattern: $1)) }
    journal += number(0x4000_0000 / page + 1) + name + number(name.count) + number(sum) + magic
    try FilePath(database.string + "-journal").replaceContents(journal)
}
