// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

extension Session {
    /// Runs `backups cat velero:NAME PATH`. Writes only those of MinIO's blocks that their checksum confirms.
    func catVeleroFile(
        _ name: VeleroName, _ path: String, _ options: VeleroOptions, _ instance: BackupInstanceOption
    ) throws -> Int32 {
        let choice = try veleroBackup(name, options, instance)
        let isFound = try readingStore {
            try reading(choice).contents(Self.trimmed(path)) { console.answer(bytes: Array($0)) }
        }
        guard isFound else {
            throw Failure(
                .notFound, "there is no file “\(path)” in the backup “\(choice.name)” of Velero",
                remedy: ShellWords.quote(
                    ["kecsctl", "backups", "ls", "velero:\(choice.name)"] + choice.optionWords))
        }
        return 0
    }
}
