// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
public import SystemPackage

/// The source of a restore, as the user gave it.
public enum RestoreFrom: Sendable {
    case latest
    /// An id or a unique prefix of one.
    case id(String)
    /// The newest restorable backup that is not younger than this.
    case at(Moment)
    /// A bundle, an archive of the guides, a database or a dump: recognised by content.
    case file(FilePath)
    /// The same, from standard input.
    case input

    /// Creates a source from `latest`, `-`, the name of a file, or an id.
    public init(_ text: String, environment: [String: String]) throws(Failure) {
        if text == "latest" {
            self = .latest
        } else if text == "-" {
            self = .input
        } else if text.contains("/") || text.contains(".") {
            self = .file(try Home.absolute(FilePath(text), environment: environment))
        } else {
            self = .id(text)
        }
    }
}

extension BackupStore {
    /// Finds one backup by its id or a unique prefix of it.
    ///
    /// - Throws: `Failure(.notFound)`, or `.usage` with the candidates when the prefix fits several.
    public func find(_ text: String, instance: String) throws -> StoredBackup {
        if text == "latest" {
            guard let latest = try latest() else { throw Self.none(instance) }
            return latest
        }
        let fitting = try all().filter { $0.state != .incomplete && $0.id.description.hasPrefix(text) }
        if let exact = fitting.first(where: { $0.id.description == text }) { return exact }
        guard let first = fitting.first else {
            throw Failure(
                .notFound, "“\(instance)” has no backup “\(text)”",
                remedy: "kecsctl backups list \(instance)")
        }
        guard fitting.count == 1 else {
            throw Failure(
                .usage, "“\(text)” fits \(fitting.count) backups of “\(instance)”",
                cause: fitting.map(\.id.description).joined(separator: ", "),
                remedy: "kecsctl backups show \(first.id) --instance \(instance)")
        }
        return first
    }

    /// Returns the newest restorable backup that is not younger than `moment`.
    func newest(notAfter moment: Moment, instance: String) throws -> StoredBackup {
        let restorable = try all().filter(\.isRestorable)
        guard let found = JudgedBackups(restorable.filter { $0.id.createdAt <= moment }).latest() else {
            throw Failure(
                .notFound, "“\(instance)” has no restorable backup from \(moment) or before",
                cause: restorable.last.map { "the oldest is \($0.id)" } ?? "it has none at all",
                remedy: "kecsctl backups list \(instance)")
        }
        return found
    }

    static func none(_ instance: String) -> Failure {
        Failure(
            .notFound, "“\(instance)” has no backup that can be restored",
            remedy: "kecsctl backups list \(instance)")
    }
}
