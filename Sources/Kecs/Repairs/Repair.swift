// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSQLite
import KecsSystem
import SystemPackage

/// A safe, minimal change that `--fix` may make. It records the earlier state, so that it can be undone.
public enum Repair: Codable, Hashable, Sendable {
    case mode(PathText, from: UInt32, to: UInt32)
    case owner(PathText, from: Owner, to: Owner)
    /// A small file whose content is kept in the record of the repair.
    case remove(PathText, contents: String, mode: UInt32)
    /// The journal mode of an SQLite database that no process has open.
    case journalMode(PathText, from: String, to: String)

    public struct Owner: Codable, Hashable, Sendable, CustomStringConvertible {
        public var user: UInt32
        public var group: UInt32

        public init(_ user: UInt32, _ group: UInt32) {
            self.user = user
            self.group = group
        }

        public var description: String { "\(user):\(group)" }

        /// "65532:65532", "65532"
        public init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let user = UInt32(parts[0]),
                let group = UInt32(parts[parts.count - 1])
            else { return nil }
            self.init(user, group)
        }
    }

    /// "chmod 600 /…", as a command line that does the same.
    public var commandLine: String {
        switch self {
        case .mode(let path, _, let to): ShellWords.quote(["chmod", octal(to), path.path.string])
        case .owner(let path, _, let to): ShellWords.quote(["chown", "-h", "\(to)", path.path.string])
        case .remove(let path, _, _): ShellWords.quote(["rm", path.path.string])
        case .journalMode(let path, _, let to):
            ShellWords.quote(["sqlite3", path.path.string, "PRAGMA journal_mode = \(to)"])
        }
    }

    /// The effect of undoing it, as a command line where there is one.
    public var takingBack: String { inverse?.commandLine ?? "put back what was removed" }

    var inverse: Repair? {
        switch self {
        case .mode(let path, let from, let to): .mode(path, from: to, to: from)
        case .owner(let path, let from, let to): .owner(path, from: to, to: from)
        case .journalMode(let path, let from, let to): .journalMode(path, from: to, to: from)
        case .remove: nil
        }
    }
}

/// The state that a repair meets is not the one that it was planned for.
public struct RepairRefused: Error, Hashable, Sendable, CustomStringConvertible {
    public var why: String
    public var description: String { why }
}

extension RepairRefused: ExplainedError {
    public func failure(_ message: (String) -> String) -> Failure {
        Failure(.failed, message("a repair was refused"), cause: why)
    }
}

extension Repair {
    /// - Throws: `RepairRefused` when things have changed since it was planned; nothing was done then.
    public func apply() throws {
        switch self {
        case .mode(let path, let from, let to):
            try withFile(path.path) { file, status in
                guard status.mode == from else {
                    throw RepairRefused(why: "the mode of \(path.path) is \(octal(status.mode)) by now")
                }
                // Through the descriptor: the path may be another file's by now.
                guard paths_chmod_descriptor(file, to) == 0 else {
                    throw FileError.last("set the mode of", path.path)
                }
            }
        case .owner(let path, let from, let to):
            try withFile(path.path) { file, status in
                guard Owner(status.owner, status.group) == from else {
                    throw RepairRefused(
                        why: "\(path.path) belongs to \(status.owner):\(status.group) by now")
                }
                guard paths_chown_descriptor(file, to.user, to.group) == 0 else {
                    throw FileError.last("set the owner of", path.path)
                }
            }
        case .remove(let path, let contents, _):
            guard try path.path.contents(limit: 64 << 10) == Array(contents.utf8) else {
                throw RepairRefused(why: "\(path.path) was written meanwhile")
            }
            try path.path.remove()
        case .journalMode(let path, _, let to):
            let database = try SQLiteDatabase(path.path, .readWrite, busyTimeout: .zero)
            let mode = try database.value("PRAGMA journal_mode = \(to == "wal" ? "wal" : "delete")")?.text
            guard mode == to else {
                throw RepairRefused(why: "\(path.path) stays in the mode \(mode ?? "?")")
            }
        }
    }

    /// - Returns: False when the present state is not the one that `apply` left.
    public func takeBack() throws -> Bool {
        if case .remove(let path, let contents, let mode) = self {
            guard try !path.path.isPresent else { return false }
            try path.path.replaceContents(Array(contents.utf8), mode: mode)
            return true
        }
        do {
            try inverse?.apply()
            return true
        } catch is RepairRefused {
            return false
        }
    }

    /// Opens the file itself, never the target of a link.
    private func withFile(_ path: FilePath, _ body: (CInt, FileStatus) throws -> Void) throws {
        let file = path.withPlatformString { paths_open($0, clinux_o_path | O_NOFOLLOW | O_CLOEXEC, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        defer { close(file) }
        let status = try FileStatus.of(descriptor: file, at: path)
        guard status.kind != .symlink else { throw RepairRefused(why: "\(path) is a link by now") }
        guard status.kind == .folder || status.links == 1 else {
            throw RepairRefused(why: "\(path) has a second name, which may be anybody's")
        }
        try body(file, status)
    }
}

/// "0755", "04755"
public func octal(_ mode: UInt32) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
