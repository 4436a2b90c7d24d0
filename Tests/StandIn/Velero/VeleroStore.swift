// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import KecsVelero
import SystemPackage

/// The bucket that Velero writes to, as the object store has it on this host.
struct VeleroStore {
    let folder: FilePath
    let bucket: String
    /// versitygw's files in place of MinIO's folders.
    let isPlain: Bool
    let now: Int64

    var root: FilePath { folder.appending(bucket) }
    var isThere: Bool { (try? root.isFolder) == true }

    private var read: VeleroBucket? {
        (try? ObjectStore(folder)).map { VeleroBucket($0, path: bucket) }
    }

    func put(_ key: String, _ content: [UInt8]) throws {
        let path = root.pushing(FilePath(key))
        if isPlain {
            try path.removingLastComponent().createFolder()
            try path.replaceContents(content)
        } else {
            try MinIOObject(content: content, modified: now).write(to: path)
        }
    }

    func put(_ key: String, gzipped json: JSONValue) throws {
        try put(key, WrittenFiles.gzip(Array(json.text().utf8)))
    }

    /// What Velero takes for a backup: everything below `backups/` that has a `velero-backup.json`.
    func backups() -> [String] {
        (try? read?.names())?.filter { description(of: $0) != nil } ?? []
    }

    func description(of backup: String) -> JSONValue? {
        guard let bytes = contents(of: backup, "velero-backup.json") else { return nil }
        return try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
    }

    /// Nil when it is not there, or is not what was written.
    private func contents(of backup: String, _ object: String) -> [UInt8]? {
        guard let read else { return nil }
        var bytes: [UInt8] = []
        let found = try? ReadVeleroBackup(read, backup, cancellation: Cancellation()).contents(object) {
            bytes += Array($0)
        }
        return found == true ? bytes : nil
    }

    /// The objects of a tarball, by their path in it.
    func objects(of backup: String) -> [(path: String, object: JSONValue)]? {
        guard let read else { return nil }
        var found: [(String, JSONValue)] = []
        do {
            try ReadVeleroBackup(read, backup, cancellation: Cancellation()).files { entry, content in
                guard entry.kind == .file else { return true }
                var bytes: [UInt8] = []
                try content.read { bytes += Array($0) }
                let path = String(decoding: entry.path, as: UTF8.self)
                guard path.hasPrefix("resources/") else { return true }
                found.append((path, try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))))
                return true
            }
        } catch { return nil }
        return found
    }

    func remove(_ backup: String) throws {
        let folder = root.appending("backups").appending(backup)
        if try folder.isPresent { try folder.removeTree() }
    }

    /// Flips a bit in the middle of an object, as a disk does.
    func flip(_ key: String) throws {
        var file = root.pushing(FilePath(key))
        if !isPlain { file = file.appending("xl.meta") }
        var bytes = try file.contents()
        bytes[bytes.count - 600] ^= 0x10
        try file.replaceContents(bytes)
    }

    /// What may stand at the root of a bucket: anything else makes the location unavailable.
    var strangers: [String] {
        let known: Set = ["backups", "restores", "restic", "metadata", "plugins", "kopia"]
        return ((try? root.entries()) ?? []).map(\.string).filter {
            !known.contains($0) && !$0.hasPrefix(".")
        }
    }
}
