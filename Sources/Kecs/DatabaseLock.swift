// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// Who keeps a database locked, as far as the kernel tells it to this user.
struct DatabaseLock: Hashable {
    /// Not positive where the kernel does not say which process it is.
    var pid: pid_t
    var isWriter: Bool

    /// “process 4711 (python3 server.py)”
    var title: String {
        guard pid > 0 else { return "a process of another container" }
        let words = ((try? FilePath("/proc/\(pid)/cmdline").contents()) ?? []).split(separator: 0)
            .map { String(decoding: $0, as: UTF8.self) }
        return "process \(pid)" + (words.isEmpty ? "" : " (\(ShellWords.quote(words).masked))")
    }

    /// The one that stands in the way, as SQLite locks: a writer before those who only read. Nil when nobody is to be seen:
    /// it may have let go meanwhile.
    static func holder(of database: FilePath) -> DatabaseLock? {
        // With a write-ahead log the locks are on its index.
        let inodes = ["", "-shm"].compactMap { suffix in
            (try? FileStatus.of(database.resolved().beside(suffix)))??.inode
        }
        guard let table = try? FilePath("/proc/locks").contents() else { return nil }
        return holder(ofInodes: Set(inodes), in: String(decoding: table, as: UTF8.self), besides: getpid())
    }

    /// `3: POSIX  ADVISORY  WRITE 812 fd:01:4711 1073741824 1073742335`, proc(5). Devices are not compared: overlay and btrfs
    /// show others here than stat does.
    static func holder(ofInodes inodes: Set<UInt64>, in table: String, besides own: pid_t) -> DatabaseLock? {
        let found = table.split(separator: "\n").compactMap { line -> DatabaseLock? in
            let fields = line.split(separator: " ")
            // An arrow marks one who waits.
            guard fields.count > 5, fields[1] != "->", let pid = pid_t(fields[4]), pid != own,
                let inode = fields[5].split(separator: ":").last.flatMap({ UInt64($0) }),
                inodes.contains(inode)
            else { return nil }
            return DatabaseLock(pid: pid, isWriter: fields[3] == "WRITE")
        }
        return found.first(where: \.isWriter) ?? found.first
    }

    /// What to say of an error of SQLite that means that somebody else is in the way.
    static func cause(_ error: some Error, of database: FilePath) -> String {
        guard let holder = holder(of: database) else { return "\(error)" }
        return "\(error); \(holder.title) has it locked"
    }
}
