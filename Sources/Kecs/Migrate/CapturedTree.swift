// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSQLite
import KecsSystem
import SystemPackage

/// A folder ready to be archived: its SQLite databases are captured into another folder, other databases only while no
/// process has them open.
struct CapturedTree {
    var source: TreeSource
    /// Raw paths, with the engine.
    var databases: [(path: [UInt8], engine: DatabaseEngine)]

    /// - Parameters:
    ///   - scratch: The folder for the captured databases.
    ///   - isRunning: True when a process may be writing: then a database that is not SQLite is refused.
    init(_ root: FilePath, scratch: FilePath, isRunning: Bool, _ cancellation: Cancellation) throws {
        source = TreeSource(root: root)
        source.leftOut.insert(Array(".lock".utf8))
        databases = []
        for (index, database) in try scanTree(source, cancellation: cancellation).databases.enumerated() {
            let file = root.appending(bytes: database.path)
            databases.append((database.path, database.engine))
            guard database.engine == .sqlite else {
                guard !isRunning else {
                    throw Failure(
                        .busy, "\(file) cannot be copied while its writer runs",
                        cause: "it is no SQLite database",
                        remedy: "fuser -v \(ShellWords.quote([file.string]))")
                }
                continue
            }
            let copy = scratch.appending("captured-\(index)")
            _ = try captureSQLite(file, to: copy, cancellation: cancellation)
            if let status = try FileStatus.of(file) {
                try copy.setMode(status.mode)
                try copy.setOwner((status.owner, status.group))
            }
            source.substitutes[database.path] = copy
            source.leaveOutSidecars(of: database)
        }
    }
}
