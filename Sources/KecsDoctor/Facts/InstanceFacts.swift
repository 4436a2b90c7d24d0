// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsBackups
import KecsSystem
public import SystemPackage

/// The facts about an instance that many checks need, gathered once. A part that is not available is `unknown`, and
/// only the checks that need it say so.
public struct InstanceFacts: Sendable {
    public let instance: Instance
    public var inventory: Known<Inventory>
    /// The folder that a check examines: of the part that holds the primary database, or of the part that it checks.
    public var data: Known<FilePath>
    /// The primary database, or the one that a check examines.
    public var database: Known<DatabaseFacts>
    /// The tree of all parts but the configuration, or of the part that a check examines.
    public var tree: Known<TreeFacts>
    public var parts: [PartFacts]
    public var databases: [DatabaseLook]
    /// The reason why nothing is known of parts other than those listed.
    public var unlooked: String?
    /// True when the reason is that the thing which runs the instance is gone.
    public var isGone = false
    /// The newest first.
    public var backups: Known<[StoredBackup]>
    public var state: RuntimeState
    public var endpoints: [Endpoint]
    public var runsSomething: Bool
    /// True when the instance's ports are its own settings.
    public var choosesPorts: Bool
    /// The lines that are about this instance, the oldest first.
    public var history: [HistoryRecord]

    public var name: InstanceName { instance.name }

    /// - Parameter limit: The limit for determining whether it runs. Beyond it that is unknown, and everything else is
    ///   examined anyway.
    static func gather(
        _ instance: Instance, site: Site, history: [HistoryRecord], cancellation: Cancellation,
        limit: Duration = .seconds(8)
    ) async -> InstanceFacts {
        func known<Value>(_ body: () throws -> Value) -> Known<Value> {
            do { return .known(try body()) } catch {
                let failure = Failure.describing(error)
                return .unknown(failure.cause ?? failure.message)
            }
        }
        var facts = InstanceFacts(
            instance: instance, inventory: .unknown("its runtime is unknown"),
            data: known { try instance.dataFolder() }, database: .unknown(""), tree: .unknown(""), parts: [],
            databases: [], backups: known { try instance.backups.all() }, state: .unknown(""), endpoints: [],
            runsSomething: true, choosesPorts: true,
            history: history.filter { $0.result(of: instance.name) != nil })
        do {
            let runtime = try site.runtime(instance)
            facts.state =
                await TimeBound.run(limit, outer: cancellation) { _ in await runtime.state() }
                ?? .unknown("cannot determine whether it runs within \(limit.components.seconds) s")
            facts.runsSomething = runtime.runsSomething
            facts.choosesPorts = runtime.provision.choosesPorts
            if case .unknown(let why) = facts.state {
                facts.inventory = .unknown(why)
            } else {
                let found = await TimeBound.run(limit, outer: cancellation) { _ -> Found in
                    do { return Found(inventory: .known(try await site.inventory(of: instance))) } catch {
                        let failure = Failure.describing(error)
                        return Found(
                            inventory: .unknown(failure.message + (failure.cause.map { ": \($0)" } ?? "")),
                            isGone: failure.kind == .notFound)
                    }
                }
                facts.inventory =
                    found?.inventory
                    ?? .unknown("cannot determine where the data is within \(limit.components.seconds) s")
                facts.isGone = found?.isGone ?? false
            }
        } catch {
            let failure = Failure.describing(error)
            facts.state = .unknown(failure.cause ?? failure.message)
        }
        facts.look(cancellation)
        return facts
    }

    private struct Found: Sendable {
        var inventory: Known<Inventory>
        var isGone = false
    }

    /// Scans the parts and the databases that the inventory names.
    private mutating func look(_ cancellation: Cancellation) {
        switch inventory {
        case .known(let inventory):
            endpoints = inventory.endpoints
            parts = inventory.parts.map { PartFacts($0, cancellation: cancellation) }
            lookAtDatabases(inventory)
        case .unknown(let why):
            // The instance's own folder can be examined even if its runtime does not answer.
            unlooked = why
            // An instance that was not made by kecsctl has nothing in a folder of its own here.
            guard choosesPorts || !runsSomething || instance.config.runtime.runsOnHost else {
                database = .unknown(why)
                break
            }
            do {
                parts = try instance.ownParts().filter {
                    try $0.part.name == "data" && $0.part.root?.isFolder == true
                }
                .map { part in
                    var part = part
                    part.presence = try PartPresence.of(part)
                    return PartFacts(part, cancellation: cancellation)
                }
                let facts = try DatabaseFacts(instance.databaseFile())
                database = parts.isEmpty || facts.kind == .missing ? .unknown(why) : .known(facts)
                if !parts.isEmpty, facts.kind != .missing {
                    let name = Array(InstanceFolder.databaseName.utf8)
                    databases = [
                        DatabaseLook(
                            database: InventoryDatabase(
                                part: "data", path: name, engine: .sqlite, bytes: facts.status?.size ?? 0,
                                file: facts.file), isPrimary: true, facts: .known(facts))
                    ]
                }
            } catch {
                let failure = Failure.describing(error)
                database = .unknown(failure.cause ?? failure.message)
            }
        }
        tree = merged(parts.filter { $0.part.role != .config })
    }

    private mutating func lookAtDatabases(_ inventory: Inventory) {
        func facts(_ file: FilePath?) -> Known<DatabaseFacts> {
            guard let file else { return .unknown("its volume is not open to this user") }
            do { return .known(try DatabaseFacts(file)) } catch { return .unknown("\(error)") }
        }
        var primary: InventoryDatabase?
        switch inventory.primary {
        case .found(let found, _):
            primary = found
            database = facts(found.file)
            if let root = inventory.parts.first(where: { $0.part.name == found.part })?.part.root {
                data = .known(root)
            }
        case .missing(let part, let path, _):
            database = facts(
                inventory.parts.first { $0.part.name == part }?.part.root?.appending(bytes: path))
        case .ambiguous, .inContainer, .none, .unknown:
            database = .unknown(inventory.primary.problem ?? "")
        }
        databases = inventory.databases.map { found in
            DatabaseLook(
                database: found, isPrimary: found.part == primary?.part && found.path == primary?.path,
                facts: facts(found.file))
        }
    }

    private func merged(_ parts: [PartFacts]) -> Known<TreeFacts> {
        var all = TreeFacts()
        var why: String?
        for part in parts {
            switch part.tree {
            case .known(let tree):
                all.entries += tree.entries
                all.bytes = all.bytes.adding(tree.bytes)
                all.unreadable += tree.unreadable
                all.isCut = all.isCut || tree.isCut
            case .unknown(let reason): why = why ?? "\(part.name): \(reason)"
            }
        }
        if parts.isEmpty, let unlooked { return .unknown(unlooked) }
        if let why, all.entries.isEmpty { return .unknown(why) }
        return .known(all)
    }

    /// The newest backup that may be restored from.
    var newestGood: StoredBackup? { backups.value?.first(where: \.isGood) }

    func settingText(_ key: SettingKey) throws -> String? { try instance.settings.text(key) }
}
