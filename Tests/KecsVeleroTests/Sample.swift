// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsVelero
import SystemPackage

/// The data folder of `Tests/Fixtures/velero`.
enum Sample {
    static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/velero/minio-data")

    static let good = "stop-dev-20261116093000"
    static let partial = "stop-dev-20261117093000"
    static let finalizing = "stop-dev-20261118093000"
    static let noTarball = "stop-dev-20261119093000"
    static let noMetadata = "stop-dev-20261120093000"
    static let flipped = "stop-dev-20261120193000"
    static let goodWithPart = "stop-dev-20261121003000"

    static let now = Moment(seconds: 1_795_000_000)

    static func judge(
        _ folder: FilePath, _ depth: VeleroBackup.Depth = .blocks, now: Moment = now
    ) throws -> JudgeVeleroBackup {
        JudgeVeleroBackup(
            VeleroBucket(try ObjectStore(folder), path: "velero"), depth: depth, now: now,
            cancellation: Cancellation())
    }

    /// All of it, to be changed.
    static func copy(to target: FilePath) throws {
        try copyTree(folder, target)
    }

    static func copyTree(_ source: FilePath, _ target: FilePath) throws {
        try target.createFolder()
        for name in try source.entries() {
            let from = source.appending(name)
            let to = target.appending(name)
            if try from.isFolder { try copyTree(from, to) } else { try from.copyContents(to: to) }
        }
    }

    /// The files below a folder, sorted.
    static func files(below folder: FilePath) throws -> [FilePath] {
        try folder.entries().flatMap { name -> [FilePath] in
            let path = folder.appending(name)
            return try path.isFolder ? files(below: path) : [path]
        }
    }

    /// The whole content of an object.
    static func contents(_ path: String, in folder: FilePath) throws -> [UInt8]? {
        let store = try ObjectStore(folder)
        return try store.object(path).object.map {
            try ObjectReader($0, in: store, cancellation: Cancellation()).contents(limit: 64 << 20)
        }
    }
}
