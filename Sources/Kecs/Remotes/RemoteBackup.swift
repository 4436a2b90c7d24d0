// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// A backup as it lies on a remote.
public struct RemoteBackup: Encodable, Sendable {
    public enum State: String, Encodable, Sendable {
        /// All files are there with their sizes, and the manifest is the one that SHA256SUMS names.
        case complete
        /// It is being copied, or its copying was cut off.
        case incomplete
        case damaged
    }

    public var instance: String
    public var id: BackupID
    public var remote: String
    public var bytes: Int64
    public var state: State
    /// Why it is damaged.
    public var problem: String?
    /// When this home last read it back and found it equal; nil when it never did.
    public var verifiedAt: Moment?
    /// Whether this home wrote it.
    public var isOurs: Bool

    /// Of a complete one.
    var manifest: Manifest?
    /// The digest of its SHA256SUMS.
    var sums: String?
    public var path: String { "\(instance)/\(id)" }
    var isDraft = false

    private enum CodingKeys: CodingKey {
        case instance, id, remote, bytes, state, problem, verifiedAt, isOurs
    }
}

/// Looks at what lies on a remote: names, sizes, manifests. What is no backup is left out.
public struct ListRemoteBackups: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter name: Nil for those of all instances that have some there.
    /// - Returns: The newest first, one instance after the other.
    public func run(_ remote: Remote, of name: InstanceName?) async throws -> [RemoteBackup] {
        let rclone = try Rclone(machine: site.machine, remote: remote)
        let prefix = name.map { "\($0)/" } ?? ""
        let listed = try await rclone.list(name?.description ?? "", depth: name == nil ? 4 : 3) ?? [:]
        var folders: [String: [String: Int64]] = [:]
        for (path, size) in listed {
            let words = (prefix + path).split(separator: "/")
            guard (3...4).contains(words.count) else { continue }
            let file = words[2...].joined(separator: "/")
            folders["\(words[0])/\(words[1])", default: [:]][file] = size
        }
        folders = folders.filter { Self.place($0.key) != nil }
        guard !folders.isEmpty else { return [] }
        let scratch = try site.scratch(for: ByteCount(64 << 20))
        defer { scratch.discardQuietly() }
        let within = name == nil ? "/*/*/" : "/*/"
        try await rclone.download(
            name?.description ?? "", to: name.map { scratch.appending($0.description) } ?? scratch,
            filters: [
                "--max-size", "64M", "--include",
                "\(within){\(BackupStore.manifestName),\(BackupStore.sumsName)}",
            ])
        var known: [InstanceName: PastCopies] = [:]
        var found: [RemoteBackup] = []
        for (folder, files) in folders {
            guard let (instance, id, isDraft) = Self.place(folder) else { continue }
            let past = try known[instance] ?? PastCopies(site.home.backupStore(of: instance))
            known[instance] = past
            var backup = RemoteBackup(
                instance: instance.description, id: id, remote: remote.name,
                bytes: files.values.reduce(0, +), state: .incomplete, isOurs: false)
            backup.isDraft = isDraft
            let copy = past.all[remote.name]?[id]
            if isDraft {
                backup.isOurs = copy?.path == backup.path
            } else {
                try look(at: &backup, files, in: scratch, copy)
            }
            found.append(backup)
        }
        return found.sorted { ($0.instance, $1.id) < ($1.instance, $0.id) }
    }

    private func look(
        at backup: inout RemoteBackup, _ files: [String: Int64], in scratch: FilePath,
        _ copy: PastCopies.Copy?
    ) throws {
        guard files[BackupStore.sumsName] != nil else { return }
        let store = BackupStore(folder: scratch.appending(backup.instance))
        let sums = store.folder.appending(backup.id.description).appending(BackupStore.sumsName)
        if try sums.isPresent { backup.sums = sha256(try sums.contents(limit: BackupStore.largestRecord)) }
        if let copy, copy.path == backup.path, copy.sums == backup.sums {
            backup.isOurs = true
            if copy.state == .damaged {
                (backup.state, backup.problem) = (.damaged, copy.problem)
                return
            }
            if copy.isVerified { backup.verifiedAt = copy.verifiedAt }
        }
        do {
            let manifest = try store.readManifest(of: backup.id)
            let sums = try store.sums(of: backup.id)
            for part in manifest.parts where part.isSegmented { try check(part, files, sums) }
            for part in manifest.parts where !part.isSegmented && files[part.file] != part.bytes {
                throw BackupDamage(
                    file: part.file,
                    why: files[part.file].map { "it has \($0) bytes instead of \(part.bytes)" }
                        ?? "the file is missing")
            }
            if let details = manifest.details, files[details.file] != details.bytes {
                throw BackupDamage(file: details.file, why: "it is missing, or of another size")
            }
            (backup.state, backup.manifest) = (.complete, manifest)
        } catch let damage as BackupDamage {
            backup.state = .damaged
            backup.problem = "\(damage.file): \(damage.why)"
            backup.verifiedAt = nil
        }
    }

    /// The sizes of single segments are in their list, which was not fetched: their sum is known.
    private func check(_ part: Manifest.Part, _ files: [String: Int64], _ sums: [String: String]) throws {
        var bytes: Int64 = 0
        for name in sums.keys.sorted() where name.hasPrefix("\(part.file)/") {
            guard let size = files[name] else { throw BackupDamage(file: name, why: "the file is missing") }
            if name != part.digestFile { bytes = bytes.adding(size) }
        }
        guard bytes == part.bytes else {
            throw BackupDamage(file: part.file, why: "its files have \(bytes) bytes instead of \(part.bytes)")
        }
    }

    /// `dev/ID` or `dev/.ID.draft`
    private static func place(_ folder: String) -> (InstanceName, BackupID, isDraft: Bool)? {
        let words = folder.split(separator: "/").map(String.init)
        guard words.count == 2, let name = InstanceName(words[0]) else { return nil }
        if let id = BackupID(words[1]) { return (name, id, false) }
        guard words[1].hasPrefix("."), words[1].hasSuffix(".draft"),
            let id = BackupID(String(words[1].dropFirst().dropLast(6)))
        else { return nil }
        return (name, id, true)
    }
}

extension ListRemoteBackups {
    /// One complete backup by its id, its beginning, or `latest`: the newest complete one there that is not known to be bad.
    public func find(_ wanted: String, of name: InstanceName, on remote: Remote) async throws -> RemoteBackup
    {
        let all = try await run(remote, of: name).filter { $0.state != .incomplete }
        let list = "kecsctl backups list \(name) --remote \(remote.name)"
        if wanted == "latest" {
            let good = all.filter { backup in
                backup.state == .complete && backup.manifest?.verified == true
                    && backup.manifest?.lacks?.isEmpty ?? true && backup.manifest?.degraded == false
            }
            // Their own count is their order, whatever the clock said.
            guard
                let newest = good.max(by: {
                    ($0.manifest?.sequence ?? 0, $0.id) < ($1.manifest?.sequence ?? 0, $1.id)
                })
            else {
                throw Failure(
                    .notFound, "the remote “\(remote.name)” has no good backup of “\(name)”", remedy: list)
            }
            return newest
        }
        let fitting = all.filter { $0.id.description.hasPrefix(wanted) }
        guard let found = fitting.first(where: { $0.id.description == wanted }) ?? fitting.first else {
            throw Failure(
                .notFound,
                "the remote “\(remote.name)” has no backup “\(printable(Array(wanted.utf8)))” of “\(name)”",
                remedy: list)
        }
        guard fitting.count == 1 || found.id.description == wanted else {
            throw Failure(
                .usage, "“\(wanted)” fits \(fitting.count) backups of “\(name)” on “\(remote.name)”",
                cause: fitting.map(\.id.description).joined(separator: ", "), remedy: list)
        }
        guard found.state == .complete else {
            throw Failure(
                .damaged, "the backup “\(found.id)” on the remote “\(remote.name)” is damaged",
                cause: found.problem, remedy: list)
        }
        return found
    }
}
