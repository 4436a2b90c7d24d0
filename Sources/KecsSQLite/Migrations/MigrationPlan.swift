// SPDX-License-Identifier: Apache-2.0

/// The state that the files and the ledger together describe. Decided without touching anything.
public struct MigrationPlan: Hashable, Sendable {
    public struct Item: Hashable, Sendable, Encodable {
        public enum State: String, Hashable, Sendable, Encodable {
            case applied, pending
            /// It was applied, but its file has changed since.
            case changed
            /// It was applied, but its file does not exist.
            case missing
            /// Its own tool began it and did not finish it.
            case dirty
        }
        public var version: Int64
        public var name: String
        public var state: State
        public var appliedAt: String?
        /// True when there is a way down.
        public var isReversible: Bool
    }

    public let migrations: [MigrationStep]
    public let ledger: MigrationLedger.State
    public let items: [Item]

    public init(_ migrations: [MigrationStep], _ ledger: MigrationLedger.State) {
        self.migrations = migrations
        self.ledger = ledger
        var items: [Item] = []
        for migration in migrations {
            let entry = ledger.applied.first { $0.version == migration.version }
            let state: Item.State =
                if ledger.dirty == migration.version {
                    .dirty
                } else if let entry {
                    entry.checksum == migration.checksum || entry.checksum == nil ? .applied : .changed
                } else {
                    .pending
                }
            items.append(
                Item(
                    version: migration.version, name: migration.name, state: state,
                    appliedAt: entry?.appliedAt, isReversible: migration.down != nil))
        }
        for entry in ledger.applied where !migrations.contains(where: { $0.version == entry.version }) {
            items.append(
                Item(
                    version: entry.version, name: entry.name ?? "", state: .missing,
                    appliedAt: entry.appliedAt, isReversible: false))
        }
        self.items = items.sorted { $0.version < $1.version }
    }

    /// The highest version that is applied; nil for none.
    public var current: Int64? { ledger.applied.map(\.version).max() }

    public var isUpToDate: Bool { items.allSatisfy { $0.state == .applied } }

    /// Returns the actions that bring the database to `target`.
    ///
    /// - Parameters:
    ///   - target: Nil for the newest; 0 for the state before the first.
    ///   - force: True to continue although files were changed after they had been applied.
    /// - Throws: `MigrationProblem`.
    public func actions(to target: Int64?, force: Bool) throws(MigrationProblem) -> [MigrationAction] {
        if let dirty = ledger.dirty {
            throw MigrationProblem(
                .state, "the ledger says that migration \(dirty) was begun and did not end")
        }
        let newest = migrations.last?.version ?? 0
        if let missing = items.first(where: { $0.state == .missing }) {
            throw MigrationProblem(
                missing.version > newest ? .newer : .state,
                "the database has seen migration \(missing.version), of which there is no file")
        }
        if let changed = items.first(where: { $0.state == .changed }), !force {
            throw MigrationProblem(
                .state, "migration \(changed.version) is not what it was when it was applied")
        }
        let target = target ?? newest
        guard target == 0 || migrations.contains(where: { $0.version == target }) else {
            throw MigrationProblem(
                .usage,
                "there is no version \(target); there are 0, "
                    + migrations.map { "\($0.version)" }.joined(separator: ", "))
        }
        let applied = Set(ledger.applied.map(\.version))
        let down = migrations.reversed().filter { $0.version > target && applied.contains($0.version) }
        let up = migrations.filter { $0.version <= target && !applied.contains($0.version) }
        if let stuck = down.first(where: { $0.down == nil }) {
            throw MigrationProblem(.usage, "migration \(stuck.version) (\(stuck.name)) has no way down")
        }
        return down.map { MigrationAction(.down, $0) } + up.map { MigrationAction(.up, $0) }
    }
}
