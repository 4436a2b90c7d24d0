// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsVelero
import SystemPackage

/// The places that are searched for Velero's backups: `minio-data` of the instances, or any folder.
struct VeleroOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An object store's data folder with backups of Velero, instead of the instances' minio-data.",
            valueName: "dir"), completion: .directory)
    var folder: PathArgument?

    @Option(
        help: ArgumentHelp(
            "Where in the store Velero's backups are (default: velero).", valueName: "bucket[/prefix]"))
    var bucket: String?

    func validate() throws {
        if let bucket, !VeleroBucket.isPath(bucket) {
            throw ValidationError("--bucket is a bucket's name, or BUCKET/PREFIX")
        }
    }
}

extension VeleroOptions {
    /// Checks that ids of both kinds are not mixed, and that these options are about one of Velero.
    func validate(ids: [String]) throws {
        let count = ids.count { VeleroName($0) != nil }
        guard count == 0 || count == ids.count else {
            throw ValidationError("backups of kecsctl and backups of Velero are not handled together")
        }
        if count == 0, folder != nil || bucket != nil {
            throw ValidationError("--folder and --bucket are for backups of Velero: velero:NAME")
        }
    }
}

/// `velero:NAME` or `velero:INSTANCE/NAME`, in the place of a backup's id.
struct VeleroName: Hashable, Sendable {
    static let prefix = "velero:"

    let instance: String?
    /// A backup's name, its beginning, or `latest`.
    let backup: String

    /// Nil for anything else.
    init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let halves = text.dropFirst(Self.prefix.count).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false
        ).map(String.init)
        instance = halves.count == 2 ? halves[0] : nil
        backup = halves.last ?? ""
    }
}
