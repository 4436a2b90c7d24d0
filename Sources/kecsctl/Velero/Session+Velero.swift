// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero
import SystemPackage

/// A bucket with backups of Velero, and its instance.
struct VeleroPlace: Sendable, CustomStringConvertible {
    /// The instance; nil for a folder that the user named.
    let instance: InstanceName?
    let bucket: VeleroBucket

    var folder: FilePath { bucket.store.path }
    var description: String { instance?.description ?? "" }

    /// The words that lead a remedy to the same place.
    var words: [String] {
        let folder = instance.map { [$0.description] } ?? ["--folder", folder.string]
        return folder + (bucket.path == VeleroPlace.defaultBucket ? [] : ["--bucket", bucket.path])
    }

    static let defaultBucket = "velero"
}

/// A backup of Velero.
struct VeleroChoice: Sendable, CustomStringConvertible {
    let place: VeleroPlace
    let name: String

    var description: String { place.description }
}

extension Session {
    /// Returns the buckets that a command works on.
    ///
    /// - Parameter names: Instances; those whose store has no such bucket have no backups of Velero.
    func veleroPlaces(_ options: VeleroOptions, of names: [String]) throws -> [VeleroPlace] {
        if let folder = try options.folder?.path(self) {
            guard let place = try veleroPlace(options, nil, folder) else {
                throw noBucket(options, in: folder)
            }
            return [place]
        }
        return try names.compactMap { text in
            let name = try InstanceName(checking: text)
            return try veleroPlace(options, name, site.home.folder(of: name).objectStore)
        }
    }

    private func veleroPlace(
        _ options: VeleroOptions, _ instance: InstanceName?, _ folder: FilePath
    ) throws -> VeleroPlace? {
        // The user may have moved it to another disk and left a link. Anything but a folder is reported when it is
        // opened.
        if instance != nil, try FileStatus.following(folder) == nil { return nil }
        let bucket = VeleroBucket(
            try ObjectStore(folder), path: options.bucket ?? VeleroPlace.defaultBucket)
        guard try readingStore({ try bucket.names() }) != nil else { return nil }
        return VeleroPlace(instance: instance, bucket: bucket)
    }

    private func noBucket(_ options: VeleroOptions, in folder: FilePath) -> Failure {
        let buckets: [String]
        do { buckets = try ObjectStore(folder).buckets() } catch { return failure(error) }
        let words = ["--folder", folder.string, "--bucket", buckets.first ?? "velero"]
        return Failure(
            .notFound, "there is no bucket “\(options.bucket ?? VeleroPlace.defaultBucket)” in \(folder)",
            cause: buckets.isEmpty ? "it has no bucket" : "there are: \(buckets.joined(separator: ", "))",
            remedy: buckets.isEmpty
                ? "ls -la \(ShellWords.quote([folder.string]))"
                : "kecsctl backups list --velero \(ShellWords.quote(words))")
    }

    /// Returns the only backup that a name means.
    ///
    /// - Throws: `Failure(.notFound)`, or `.usage` when several match.
    func veleroBackup(
        _ name: VeleroName, _ options: VeleroOptions, _ instance: BackupInstanceOption
    ) throws -> VeleroChoice {
        let given = try (instance.name ?? name.instance).map { try InstanceName(checking: $0) }
        if options.folder != nil, given != nil {
            throw Failure(.usage, "give an instance or --folder, not both")
        }
        if let given, try !site.home.folder(of: given).path.isFolder {
            throw Failure(.notFound, "there is no instance “\(given)”", remedy: "kecsctl list")
        }
        let names =
            try options.folder != nil
            ? [] : given.map { [$0.description] } ?? site.instanceNames().map(\.description)
        let places = try veleroPlaces(options, of: names)
        let all = try readingStore {
            try places.flatMap { place in
                try (place.bucket.names() ?? []).map { VeleroChoice(place: place, name: $0) }
            }
        }
        let found: [VeleroChoice]
        if name.backup == "latest" {
            found = try places.compactMap { try newest(in: $0) }
        } else {
            let fitting = all.filter { !name.backup.isEmpty && $0.name.hasPrefix(name.backup) }
            let exact = fitting.filter { $0.name == name.backup }
            found = exact.isEmpty ? fitting : exact
        }
        guard let first = found.first else {
            let place = options.folder.map { ["--folder", $0.text] } ?? given.map { [$0.description] } ?? []
            throw Failure(
                .notFound,
                name.backup == "latest"
                    ? "there is no backup of Velero that can be restored"
                    : "there is no backup “\(name.backup)” of Velero",
                remedy: ShellWords.quote(["kecsctl", "backups", "list", "--velero"] + place))
        }
        guard found.count == 1 else {
            throw Failure(
                .usage, "“velero:\(name.backup)” fits \(found.count) backups",
                cause: found.prefix(10).map { choice in
                    choice.place.instance.map { "velero:\($0)/\(choice.name)" } ?? "velero:\(choice.name)"
                }.joined(separator: ", "),
                remedy: ShellWords.quote(["kecsctl", "backups", "list", "--velero"] + first.place.words))
        }
        return first
    }

    /// Returns the newest backup that can be restored, as far as metadata and sizes show.
    private func newest(in place: VeleroPlace) throws -> VeleroChoice? {
        let backups = try readingStore { try judge(place, .sizes).all() ?? [] }
        return backups.first { $0.verdict == .restorable || $0.verdict == .withErrors }
            .map { VeleroChoice(place: place, name: $0.name) }
    }

    func judge(_ place: VeleroPlace, _ depth: VeleroBackup.Depth) -> JudgeVeleroBackup {
        JudgeVeleroBackup(
            place.bucket, depth: depth, now: machine.clock.now(), cancellation: machine.cancellation,
            progress: machine.progress)
    }

    func reading(_ choice: VeleroChoice) -> ReadVeleroBackup {
        ReadVeleroBackup(choice.place.bucket, choice.name, cancellation: machine.cancellation)
    }

    /// Runs `body`, and turns an error in an object of a store into a failure of the command.
    func readingStore<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as ObjectProblem {
            throw Failure(
                problem.kind == .damaged ? .damaged : .failed,
                problem.kind == .damaged
                    ? "an object of the store is damaged" : "an object of the store cannot be read",
                cause: printable(Array("\(problem)".utf8)))
        }
    }
}
