// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsState
public import KecsSystem
import SystemPackage

/// A row of `list` and `status`.
public struct InstanceSummary: Encodable, Sendable {
    public var name: String
    public var runtime: String?
    /// The state: `absent stopped running paused unknown`.
    public var state: String
    public var apiPort: Int?
    public var adminPort: Int?
    public var endpoints: [Endpoint]
    /// The size of the instance's folder and of its parts elsewhere: the sum of the files' sizes.
    public var sizeBytes: Int64
    /// The parts whose size is not included, because they cannot be read here.
    public var unmeasured: [String]?
    public var lastBackup: LastBackup?
    public var degraded: Bool
    /// The outage; set while the instance is down and must run.
    public var down: Down?
    /// The state that `undo` can still bring back, and its size on disk.
    public var previous: Previous?
    public var problems: [String]
    /// The machine that it has moved to; what is here is older.
    public var movedTo: String?
    /// The k3d clusters that recoveries created in addition to the control plane's own: `running stopped` or the reason
    /// for another state.
    public var clusters: [String: String]?
    /// By remote, the newest good backup that was copied there and found equal.
    public var copies: [String: NewestCopy]?
    /// With an engine that backs up its cluster: what is stored, and what the engine may use.
    public var clusterBackups: ClusterBackups?
    /// What the server itself says, when it was asked.
    public var deep: DeepFindings?

    public struct ClusterBackups: Encodable, Sendable {
        public var stored: ClusterBackupStock
        public var resources: [ContainerResources]
    }

    public struct LastBackup: Encodable, Sendable {
        public var id: BackupID
        public var createdAt: Moment
        public var verified: Bool
        /// True for a good backup. The newest good one is listed; another one only where there is none.
        public var good: Bool
    }

    public struct NewestCopy: Encodable, Sendable {
        public var id: BackupID
        public var createdAt: Moment
        public var verifiedAt: Moment
    }

    public struct Down: Encodable, Sendable {
        public var since: Moment?
        public var because: String
        public var tries: Int
        public var nextTry: String

        var sentence: String {
            "down" + (since.map { " since \($0)" } ?? "") + ", because \(because); next try by \(nextTry)"
        }
    }

    public struct Previous: Encodable, Sendable {
        public var id: String
        public var sizeBytes: Int64
        /// The ids of everything that `undo --list` shows, the newest first.
        public var kept: [String]
    }
}

/// Lists instances and changes nothing. Leftovers of a killed run, and an instance that is down and must run, are
/// problems in its row; the next command that changes the instance handles them. A broken instance is a row with its
/// problems, never an error.
public struct ListInstances: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Returns the rows in the order of `names`. Several instances are examined at once.
    public func run(_ names: [InstanceName]) async throws -> [InstanceSummary] {
        try await withThrowingTaskGroup(of: (Int, InstanceSummary).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask { (index, try await look(at: name)) }
            }
            var rows: [Int: InstanceSummary] = [:]
            for try await (index, row) in group { rows[index] = row }
            return names.indices.compactMap { rows[$0] }
        }
    }

    private func look(at name: InstanceName) async throws -> InstanceSummary {
        let folder = site.home.folder(of: name)
        guard try folder.path.isFolder else { throw site.notFound(name) }
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
                row.problems.append(
                    "degraded since \(degraded.since): \(degraded.why); way out: \(degraded.wayOut(name))")
            }
            if let move = try MoveRecord.read(folder.move) {
                if move.isDone { row.movedTo = move.to } else { row.problems.append(move.sentence(name)) }
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
            if let down = try await down(instance, state) {
                row.down = down
                row.problems.append(down.sentence)
            }
            if state.mayWrite, let outage = await runtime.server.outage() { row.problems.append(outage) }
            do {
                if let stored = try runtime.clusterBackups.storedClusterBackups() {
                    row.clusterBackups = .init(
                        stored: stored, resources: try runtime.clusterBackups.backupEngineResources())
                }
            } catch {
                row.problems.append(Failure.describing(error).sentence)
            }
            row.clusters = try await clusters(of: instance, state, &row.problems)
            if let overdue = try BackupAge(instance, at: site.machine.clock.now()).overdue() {
                row.problems.append(overdue)
            }
        } catch {
            row.problems.append(Failure.describing(error).sentence)
        }
        do {
            if let journal = try Journal.read(folder.journal) {
                row.problems.append(journal.sentence(name, in: folder))
            }
            row.previous = try previous(of: folder)
        } catch {
            row.problems.append(Failure.describing(error).sentence)
        }
        do {
            row.copies = try copies(of: name, &row.problems)
        } catch {
            row.problems.append(Failure.describing(error).sentence)
        }
        do { row.lastBackup = try newest(of: name, &row.problems) } catch {
            row.problems.append(Failure.describing(error).sentence)
        }
        for root in roots {
            do {
                guard try root.isFolder else { continue }
                let tree = try scanTree(TreeSource(root: root), cancellation: site.machine.cancellation)
                row.sizeBytes = row.sizeBytes.adding(tree.bytes)
            } catch let error as Interrupted {
                throw error
            } catch {
                row.problems.append(Failure.describing(error).sentence)
            }
        }
        return row
    }

    /// Of those remotes that it is to be copied to also what is overdue there.
    private func copies(
        of name: InstanceName, _ problems: inout [String]
    ) throws -> [String: InstanceSummary.NewestCopy]? {
        let past = try PastCopies(site.home.backupStore(of: name))
        var copies: [String: InstanceSummary.NewestCopy] = [:]
        for remote in past.all.keys {
            guard let (id, copy) = past.newest(at: remote), let at = copy.verifiedAt else { continue }
            copies[remote] = .init(id: id, createdAt: id.createdAt, verifiedAt: at)
        }
        let wanted = try Remotes(site: site).ofSetting(site.instance(name, checksPlace: false).settings)
        let now = site.machine.clock.now()
        problems += wanted.compactMap { past.age(at: $0.name, limit: Thresholds.backupAge, now: now).overdue }
        return copies.isEmpty ? nil : copies
    }

    private func clusters(
        of instance: Instance, _ state: RuntimeState, _ problems: inout [String]
    ) async throws -> [String: String]? {
        let all: [String: K3dClusterState]
        do {
            all = try await RecoveredClusters(site: site, instance: instance).all()
        } catch {
            let failure = Failure.describing(error)
            problems.append(
                "cannot determine what became of its recovered clusters: \(failure.message)"
                    + (failure.cause.map { ": \($0)" } ?? ""))
            return nil
        }
        for (name, cluster) in all.sorted(by: { $0.key < $1.key }) {
            if state == .running, cluster != .running {
                problems.append("the cluster \(name), which a recovery made, is \(cluster.name)")
            }
        }
        return all.isEmpty ? nil : all.mapValues(\.name)
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
            case .unreadable(let error):
                problems.append("the backup \(backup.id) cannot be read: \(error.withOwner)")
            case .complete: break
            }
        }
        let now = site.machine.clock.now()
        for backup in all where backup.id.isAhead(of: now) {
            problems.append("the time of the backup \(backup.id) is in the future")
        }
        if let newest = all.first(where: { $0.state == .complete }), newest.isLacking {
            problems.append(
                "the backup \(newest.id) lacks " + newest.lacks.map(\.sentence).joined(separator: "; "))
        }
        return (all.first(where: \.isGood) ?? all.first { $0.state == .complete }).map {
            InstanceSummary.LastBackup(
                id: $0.id, createdAt: $0.id.createdAt, verified: $0.isVerified, good: $0.isGood)
        }
    }

    private func previous(of folder: InstanceFolder) throws -> InstanceSummary.Previous? {
        let stack = PreviousStack(folder: folder)
        guard let next = try stack.next() else { return nil }
        return InstanceSummary.Previous(
            id: next.swap.id, sizeBytes: try stack.bytes(site.machine.cancellation),
            kept: try stack.records().map(\.swap.id))
    }

    /// Returns the recorded outage, or one that the engine caused and that is not recorded yet.
    private func down(_ instance: Instance, _ state: RuntimeState) async throws -> InstanceSummary.Down? {
        let next = Duty.nextTry(instance.name)
        if let duty = try Duty.read(instance.folder.duty), duty.isDown, state != .running {
            return InstanceSummary.Down(
                since: duty.since, because: duty.because, tries: duty.tries, nextTry: next)
        }
        guard state == .stopped, case .yes(let why) = await site.takenDown(instance) else { return nil }
        return InstanceSummary.Down(since: nil, because: why, tries: 0, nextTry: next)
    }
}

extension Journal {
    /// Returns a sentence about the journal, for people who look at the instance while the journal exists.
    func sentence(_ name: InstanceName, in folder: InstanceFolder) -> String {
        if let holder = FileLock.holder(of: folder.lock), holder.process.isAlive {
            return "a \(operation) is under way since \(startedAt)"
        }
        return Remedy.line(
            "the \(operation) of \(startedAt) was cut off; the next command that changes “\(name)” finishes it, "
                + "or takes it back: kecsctl doctor \(name) --fix")
    }
}

extension K3dClusterState {
    fileprivate var name: String {
        switch self {
        case .running: "running"
        case .stopped: "stopped"
        case .broken(let why): why
        }
    }
}
