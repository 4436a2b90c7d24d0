// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// `placed.json`: the time at which a restore, an import, an undo or a migration of kecsctl's last put data in place. A
/// database file that was made later is not kecsctl's.
struct Placement: Codable, Hashable, Sendable {
    static let fileName = "placed.json"

    var at: ExactMoment

    /// - Parameters:
    ///   - folder: The instance's.
    ///   - file: A file written when everything was in place. Its time counts: it comes from the file systems' clock,
    ///     like those of the data, and not from ours.
    static func note(in folder: FilePath, after file: FilePath) throws {
        guard let status = try FileStatus.of(file) else { return }
        try JSONFile.write(Placement(at: ExactMoment(status.modified)), to: folder.appending(fileName))
    }

    /// - Throws: `JSONFileError`, `FileError`.
    static func last(of folder: InstanceFolder) throws -> ExactMoment? {
        guard try folder.placement.isPresent else { return nil }
        try folder.placement.checkIsOurFile()
        return try JSONFile.read(Placement.self, from: folder.placement).at
    }
}
