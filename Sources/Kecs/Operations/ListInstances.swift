// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
public import KecsSystem
import SystemPackage

/// One row of `list` and `status`.
public struct InstanceSummary: Encodable, Sendable {
    public var name: String
    public var runtime: String?
    /// `absent stopped running paused unknown`
    public var state: String
    public var apiPort: Int?
    public var adminPort: Int?
    public var endpoints: [Endpoint]
    /// Of the instance's folder and of its parts elsewhere, as the files' sizes add up.
    public var sizeBytes: Int64
    /// Parts whose size is not in it, as they cannot be looked into here.
    public var unmeasured: [String]?
    public var lastBackup: LastBackup?
    public var degraded: Bool
    /// What `undo` could still take back, and how much room it takes.
    public var previous: Previous?
    public var problems: [String]
    /// What the server itself says, when it was asked.
    public var deep: DeepFindings?

    public struct LastBackup: Encodable, Sendable {
        public var id: BackupID
        public var createdAt: Moment
        public var verified: Bool
    }

    public struct Previous: Encodable, Sendable {
        public var id: String
        public var sizeBytes: Int64
    }
}

/// Looks at instances without changing anything, except that it heals what a killed run left. A broken instance is a
/// row with its problems, never an error.
public struct ListInstances: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// In the order of `names`, several looked at at once.
    public func run(
        _ names: [InstanceName], healed: @Sendable @escaping (String) -> Void
    ) async throws -> [InstanceSummary] {
        do {
            try Remains(home: site.home).sweep()
        } catch {
            healed("what a killed run was removing is still there: \(Self.sentence(error))")
        }
        return try await withThrowingTaskGroup(of: (Int, InstanceSummary).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask {
                    for sentence in await site.healIfAbandoned(name) { healed(sentence) }
                    return (index, try await look(at: name))
                }
            }
            var rows: [Int: InstanceSummary] = [:]
            for try await (index, row) in group { rows[index] = row }
            return names.indices.compactMap { rows[$0] }
        }
    }

    private func look(at name: InstanceName) async throws -> InstanceSummary {
        let folder = site.home.folder(of: name)
        guard folder.path.isFolder else { throw site.notFound(name) }
        var row = InstanceSummary(
            name: name.description, state: RuntimeState.unknown("").name, endpoints: [], sizeBytes: 0,
            degraded: false,
            problems: [])
        var roots = [folder.path]
        do {
            let instance = try site.instance(name)
            row.runtime = instance.config.runtime.rawValue
            row.apiPort = try instance.settings.number(.apiPort)
            row.adminPort = try instance.settings.number(.adminPort)
            row.degraded = instance.config.degraded != nil
            if let degraded = instance.config.degraded {
                row.problems.append("degraded since \(degraded.since): \(degraded.why)")
            }
            let runtime = try site.runtime(instance)
            let state = await runtime.state()
            row.state = state.name
            if case .unknown(let why) = state {
                row.problems.append(why)
            } else {
                let inventory = try await site.inventory(of: instance, databases: .none)
                row.endpoints = inventory.endpoints
                for part in inventory.parts where part.role != .config {
                    lookAt(part, of: instance, &row, &roots)
                }
            }
            if let overdue = try BackupAge(instance, at: site.machine.clock.now()).overdue() {
                row.problems.append(overdue)
            }
        } catch {
            row.problems.append(Self.sentence(error))
        }
        do {
            if let journal = try Journal.read(folder.journal) {
                row.problems.append(
                    "a \(journal.operation) of \(journal.startedAt) is under way or was interrupted")
            }
            row.previous = try previous(of: folder, roots)
        } catch {
            row.problems.append(Self.sentence(error))
        }
        row.lastBackup = try newest(of: name, &row.problems)
        for root in roots where root.isFolder {
            do {
                row.sizeBytes += try scanTree(TreeSource(root: root), cancellation: site.machine.cancellation)
                    .bytes
            } catch let error as Interrupted {
                throw error
            } catch {
                row.problems.append(Self.sentence(error))
            }
        }
        return row
    }

    private func lookAt(
        _ part: InventoryPart, of instance: Instance, _ row: inout InstanceSummary, _ roots: inout [FilePath]
    ) {
        let place = part.part.root?.string ?? "\(instance.root(of: part.part))"
        switch part.presence {
        case .missing: row.problems.append("the part \(part.part.name) is missing: there is no \(place)")
        case .unreadable(let why): row.unmeasured = (row.unmeasured ?? []) + ["\(part.part.name): \(why)"]
        case .present, .empty:
            guard case .folder(let root) = part.part.place.onHost else { return }
            if !root.starts(with: instance.folder.path) { roots.append(root) }
        }
    }

    private func newest(
        of name: InstanceName, _ problems: inout [String]
    ) throws -> InstanceSummary.LastBackup? {
        let all = try site.home.backupStore(of: name).all()
        for backup in all {
            switch backup.state {
            case .incomplete: problems.append("the backup \(backup.id) is incomplete")
            case .damaged(let file, let why):
                problems.append("the backup \(backup.id) is damaged: \(file): \(why)")
            case .complete: break
            }
        }
        return all.first { $0.state == .complete }.map {
            InstanceSummary.LastBackup(id: $0.id, createdAt: $0.id.createdAt, verified: $0.isVerified)
        }
    }

    /// A part that is a mount point of its own keeps what was replaced in itself.
    private func previous(
        of folder: InstanceFolder, _ roots: [FilePath]
    ) throws -> InstanceSummary.Previous? {
        guard folder.previous.isPresent, let name = try folder.previous.entries().last else { return nil }
        var bytes: Int64 = 0
        let places = [folder.previous.appending(name)] + roots.map { $0.appending(".kecsctl-previous") }
        for place in places where place.isFolder {
            bytes += try scanTree(TreeSource(root: place), cancellation: site.machine.cancellation).bytes
        }
        return InstanceSummary.Previous(id: name.string, sizeBytes: bytes)
    }

    private static func sentence(_ error: any Error) -> String {
        let failure = Failure.describing(error)
        return failure.message + (failure.cause.map { ": \($0)" } ?? "")
    }
}
