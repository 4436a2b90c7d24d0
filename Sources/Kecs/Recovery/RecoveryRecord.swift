// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// `recovery.json`: the last recovery, so that one that was cut off goes on under its own label and one that is over can
/// be taken back.
struct RecoveryRecord: Codable, Hashable {
    static let currentVersion = 1

    var version = RecoveryRecord.currentVersion
    var id: String
    var startedAt: Moment
    var finishedAt: Moment?
    /// Names of ECS clusters; nil for all.
    var only: [String]?
    var skip: [String]
    /// k3d clusters that it works in.
    var k3dClusters: [String] = []

    static func read(_ file: FilePath) throws -> RecoveryRecord? {
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        let record = try JSONFile.read(RecoveryRecord.self, from: file)
        guard record.version == currentVersion else {
            throw JSONFileError(
                path: file,
                why: "it has version \(record.version), this kecsctl reads version \(currentVersion)")
        }
        return record
    }
}
