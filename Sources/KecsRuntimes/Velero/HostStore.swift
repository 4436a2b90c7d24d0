// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsArchive
import KecsSystem
import KecsVelero
import SystemPackage

/// The backups of an instance's cluster as they lie on this host.
struct HostStore: Sendable {
    let instance: Instance
    let machine: Machine

    /// Nil while there is none.
    private func bucket() throws -> VeleroBucket? {
        let folder = instance.folder.objectStore
        guard try FileStatus.following(folder)?.kind == .folder else { return nil }
        let bucket = VeleroBucket(try ObjectStore(folder), path: VeleroManifests.bucket)
        return try bucket.names() == nil ? nil : bucket
    }

    private func judge(_ bucket: VeleroBucket, _ depth: VeleroBackup.Depth) -> JudgeVeleroBackup {
        JudgeVeleroBackup(
            bucket, depth: depth, now: machine.clock.now(), cancellation: machine.cancellation,
            progress: machine.progress)
    }

    func names() throws -> [String] { try reading { try bucket()?.names() ?? [] } }

    /// All of them, as far as metadata and sizes tell.
    func all() throws -> [VeleroBackup] {
        try reading { try bucket().flatMap { try judge($0, .sizes).all() } ?? [] }
    }

    /// After every block of it was read.
    func verified(_ name: String) throws -> VeleroBackup? {
        try reading { try bucket().map { try judge($0, .blocks).one(name) } }
    }

    /// The backups that stops of the instance made.
    struct Candidates {
        /// In the order in which they are tried.
        var restorable: [VeleroBackup]
        /// Those that nobody needs to try, the newest first.
        var broken: [VeleroBackup]

        /// Those that are newer than the one that was taken instead.
        func passedOver(for taken: String) -> [ClusterRestore.Skipped] {
            guard let taken = restorable.first(where: { $0.name == taken }) else { return [] }
            return broken.filter { VeleroBackup.isOlder(taken, $0) }.map {
                ClusterRestore.Skipped(
                    backup: $0.name,
                    why: ([$0.verdict.rawValue] + $0.reasons.prefix(3)).joined(separator: "; "))
            }
        }
    }

    func candidates(isDegraded: Bool) throws -> Candidates {
        let all = try all()
        return Candidates(
            restorable: ChooseStopBackup(isDegraded: isDegraded).candidates(all),
            broken: all.filter {
                !$0.isRestorable && $0.verdict != .notABackup
                    && ($0.isStopBackup || $0.name.hasPrefix(StopBackup.prefix))
            }.sorted { VeleroBackup.isOlder($1, $0) })
    }

    /// How many errors of a backup or restore are told.
    static let errorLimit = 5

    /// The first errors that Velero noted, with what they mean: nothing of them stands in its objects.
    func errors(of backup: String) throws -> [String] {
        try reading {
            try bucket().map {
                Array(
                    try ReadVeleroBackup($0, backup, cancellation: machine.cancellation).results().errors
                        .prefix(Self.errorLimit)
                ).map(VeleroReason.translated)
            } ?? []
        }
    }

    /// All errors and warnings of a restore, in Velero's words.
    func results(ofRestore name: String) throws -> (errors: [String], warnings: [String]) {
        try reading {
            try bucket().map {
                try ReadVeleroBackup.results(ofRestore: name, in: $0, cancellation: machine.cancellation)
            } ?? ([], [])
        }
    }

    /// Everything in a backup's tarball.
    func objects(of backup: String) throws -> [StoredKubernetesObject] {
        try reading {
            guard let bucket = try bucket() else { return [] }
            var found: [StoredKubernetesObject] = []
            try ReadVeleroBackup(bucket, backup, cancellation: machine.cancellation).files { entry, content in
                // `resources/KIND/namespaces/SPACE/NAME.json`, `resources/KIND/cluster/NAME.json`; the same again by version.
                let words = String(decoding: entry.path, as: UTF8.self).split(separator: "/").map(String.init)
                guard words.first == "resources", words.last?.hasSuffix(".json") == true,
                    words.count == 5 && words[2] == "namespaces" || words.count == 4 && words[2] == "cluster"
                else { return true }
                var bytes: [UInt8] = []
                try content.read { bytes += $0 }
                found.append(
                    StoredKubernetesObject(
                        resource: words[1], namespace: words.count == 5 ? words[3] : nil,
                        name: String(words[words.count - 1].dropLast(".json".count)),
                        json: try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))))
                return true
            }
            return found
        }
    }

    /// The one that a name, its beginning, or `latest` means.
    func named(_ text: String) throws -> VeleroBackup {
        let all = try all()
        let list = "kecsctl backups list --velero \(instance.name)"
        let fitting =
            text == "latest"
            ? Array(ChooseStopBackup(isDegraded: true).candidates(all).prefix(1))
            : all.filter { !text.isEmpty && $0.name.hasPrefix(text) }
        let exact = fitting.filter { $0.name == text }
        let found = exact.isEmpty ? fitting : exact
        guard let first = found.first else {
            throw Failure(.notFound, "“\(instance.name)” has no backup “\(text)” of Velero", remedy: list)
        }
        guard found.count == 1 else {
            throw Failure(
                .usage, "“velero:\(text)” fits \(found.count) backups",
                cause: found.prefix(10).map(\.name).joined(separator: ", "), remedy: list)
        }
        return first
    }

    /// To be called while the store is at rest. What makes it a backup goes first: what a kill leaves is none.
    func remove(_ name: String) throws {
        let folder = instance.folder.objectStore.appending(VeleroManifests.bucket).appending("backups")
            .appending(name)
        let description = folder.appending(VeleroFile.backup.rawValue)
        if try description.isPresent {
            if try description.isFolder { try description.removeTree() } else { try description.remove() }
        }
        if try folder.isPresent { try folder.removeTree() }
    }

    // MARK: Orphans

    /// - Parameter isClusterGone: True when no cluster knows restores or repositories of volumes any more.
    func orphans(isClusterGone: Bool) throws -> [Orphan] {
        try reading {
            try bucket().map {
                try FindOrphans($0, isClusterGone: isClusterGone, cancellation: machine.cancellation).run()
            } ?? []
        }
    }

    /// To be called while the store is at rest.
    func remove(_ orphan: Orphan) throws {
        let path = orphan.path.split(separator: "/").reduce(instance.folder.objectStore) {
            $0.appending(String($1))
        }
        if try path.isFolder { try path.removeTree() } else if try path.isPresent { try path.remove() }
    }

    private func reading<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let problem as ObjectProblem {
            throw Failure(
                problem.kind == .damaged ? .damaged : .failed,
                "the store of “\(instance.name)” cannot be read", cause: "\(problem)",
                remedy: "kecsctl backups verify --velero --all --instance \(instance.name)")
        } catch let error as ArchiveError {
            throw Failure(
                .damaged, "the store of “\(instance.name)” cannot be read", cause: error.why,
                remedy: "kecsctl backups verify --velero --all --instance \(instance.name)")
        } catch let error as JSONFileError {
            throw Failure(
                .damaged, "the store of “\(instance.name)” cannot be read", cause: error.why,
                remedy: "kecsctl backups verify --velero --all --instance \(instance.name)")
        }
    }
}
