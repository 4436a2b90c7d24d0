// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import KecsVelero

/// What an instance's object store tells by its files, with no cluster.
enum VeleroStoreChecks {
    /// In seconds. What a server that runs has written since then may not be finished.
    private static let settled: Int64 = 3600
    /// How many are told, and how many are named.
    private static let findingLimit = 5
    private static let nameLimit = 100

    static let all: [any Check] = [
        ContainerCheck(
            "velero.backup", .error, "Velero's backups on this host can be restored",
            of: Set(RuntimeKind.allCases), backups),
        ContainerCheck(
            "velero.orphans", .info, "the object store has nothing that belongs to no backup",
            of: Set(RuntimeKind.allCases), orphans),
    ]

    private static func store(_ facts: InstanceFacts, _ look: Look) -> HostStore {
        var machine = look.site.machine
        machine.cancellation = look.cancellation
        machine.progress = SilentProgress()
        return HostStore(instance: facts.instance, machine: machine)
    }

    /// By metadata and sizes: `backups verify --velero --all` reads everything.
    @Sendable private static func backups(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let all = try store(facts, look).all()
        let newest = all.first { $0.isStopBackup && $0.isRestorable }
        let isRunning = facts.state.mayWrite
        let broken = all.filter { backup in
            guard !backup.isRestorable, backup.verdict != .notABackup else { return false }
            // One that is being made is not broken.
            let age = backup.startedAt.map { look.now.seconds - $0.seconds } ?? .max
            return !isRunning || age > settled
        }
        return broken.prefix(findingLimit).map { backup in
            // What comes after it is there, and may be older than what is needed.
            let isNeeded = newest.map { VeleroBackup.isOlder($0, backup) } ?? true
            return Finding(
                isNeeded && backup.isStopBackup ? .error : .warning,
                "Velero's backup \(backup.name) of “\(facts.name)” is \(backup.verdict.rawValue): "
                    + backup.reasons.prefix(3).joined(separator: "; "),
                [
                    "backup": .string(backup.name), "verdict": .string(backup.verdict.rawValue),
                    "phase": backup.phase.map(JSONValue.string) ?? .null,
                    "reasons": .array(backup.reasons.map(JSONValue.string)),
                    "newestRestorable": newest.map { .string($0.name) } ?? .null,
                ],
                remedy: ShellWords.quote([
                    "kecsctl", "backups", "show", "velero:\(facts.name)/\(backup.name)",
                ]))
        }
    }

    @Sendable private static func orphans(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let isRunning = facts.state.mayWrite
        let found = try store(facts, look).orphans(isClusterGone: facts.state == .absent).filter {
            !isRunning || look.now.seconds - $0.modified.seconds > settled
        }
        guard !found.isEmpty else { return [] }
        let kinds = Dictionary(grouping: found, by: \.kind).mapValues(\.count)
            .sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.rawValue)" }
        return [
            Finding(
                .info,
                "the object store of “\(facts.name)” has \(ByteCount(found.total(\.bytes))) that belong to no backup: \(kinds.joined(separator: ", "))",
                [
                    "bytes": .integer(found.total(\.bytes)), "count": .integer(Int64(found.count)),
                    "paths": .array(found.prefix(nameLimit).map { .string(printable(Array($0.path.utf8))) }),
                ], remedy: "kecsctl backups gc --velero \(facts.name) --dry-run")
        ]
    }
}
