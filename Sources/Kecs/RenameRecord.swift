// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// `rename.json` in the home: an instance that is being renamed. Its folder and that of its backups change their names
/// one after the other. While the record exists, the next command finishes the rename.
struct RenameRecord: Codable, Hashable, Sendable {
    static let currentVersion = 1

    var version = RenameRecord.currentVersion
    var from: String
    var to: String
    var startedAt: Moment

    struct Names {
        var from: InstanceName
        var to: InstanceName
        var startedAt: Moment
    }

    /// - Throws: `JSONFileError` for a record that no kecsctl of this version writes.
    static func read(_ home: Home) throws -> Names? {
        let file = home.renaming
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        let record = try JSONFile.read(RenameRecord.self, from: file)
        guard record.version == currentVersion else {
            throw JSONFileError(
                path: file,
                why: "it has version \(record.version), this kecsctl reads version \(currentVersion)")
        }
        guard let from = InstanceName(record.from), let to = InstanceName(record.to), from != to else {
            throw JSONFileError(path: file, why: "it does not say two names of instances")
        }
        return Names(from: from, to: to, startedAt: record.startedAt)
    }

    static func close(_ home: Home) throws {
        guard try home.renaming.isPresent else { return }
        try home.renaming.remove()
        try home.path.sync()
    }
}

extension Home {
    /// The record of a rename. Exists only while an instance is renamed, or after that was killed.
    var renaming: FilePath { path.appending("rename.json") }
}

extension Site {
    /// Refuses an instance whose rename was killed: a command that got its lock would find half of its folders.
    func checkIsNotRenamed(_ name: InstanceName) throws {
        guard let record = try RenameRecord.read(home), record.from == name || record.to == name else {
            return
        }
        throw Failure(
            .busy, "“\(record.from)” is being renamed to “\(record.to)”",
            cause: "that began on \(record.startedAt); the next command finishes it",
            remedy: "kecsctl status \(record.to)")
    }
}
