// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsBackups
import KecsSystem
public import SystemPackage

/// Collects the values of all instances for a monitoring system, from their backups, the history and the disk. Changes
/// nothing.
public struct CollectMetrics: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run() async throws -> String {
        var text = PrometheusText()
        let history = try History(site.home).read()
        let now = site.machine.clock.now()
        text.add(
            "kecsctl_build_info", .gauge, "The version that wrote these metrics.",
            ["version": site.tool.version], 1)
        text.add("kecsctl_scrape_timestamp_seconds", .gauge, "When these metrics were written.", seconds(now))
        text.add(
            "kecsctl_history_broken_lines", .gauge, "Lines of the history that cannot be read.",
            Double(history.brokenLines))
        let names = try site.instanceNames()
        text.add("kecsctl_instances", .gauge, "Instances in the home.", Double(names.count))
        if let use = try? FileSystemUse.at(site.home.path) {
            text.add(
                "kecsctl_filesystem_free_bytes", .gauge, "Free for an unprivileged user, below the home.",
                Double(use.free) * Double(use.unit))
            text.add(
                "kecsctl_filesystem_used_ratio", .gauge,
                "Of the file system that holds the home, as df counts.",
                use.used + use.free == 0 ? 0 : Double(use.used) / Double(use.used + use.free))
        }
        // A family's samples must stand together, so each is made for all instances before the next.
        var all: [(InstanceName, InstanceFacts?)] = []
        for name in names {
            try site.machine.cancellation.check()
            let instance = try? site.instance(name, checksPlace: false)
            var facts: InstanceFacts?
            if let instance {
                facts = await InstanceFacts.gather(
                    instance, site: site, history: history.records, cancellation: site.machine.cancellation)
            }
            all.append((name, facts))
        }
        for (name, facts) in all { add(name, facts, now, to: &text) }
        for (name, facts) in all { if let facts { addOperations(name, facts, to: &text) } }
        for (name, facts) in all { if let facts { addClusterBackups(name, facts, to: &text) } }
        return text.text
    }

    /// Replaces the file so that a collector never reads half of it.
    public func write(to file: FilePath) async throws {
        try file.replaceContents(Array(try await run().utf8), mode: 0o644)
    }

    private func add(
        _ name: InstanceName, _ facts: InstanceFacts?, _ now: Moment, to text: inout PrometheusText
    ) {
        let me: KeyValuePairs = ["instance": name.description]
        text.add(
            "kecsctl_instance_readable", .gauge, "Whether the instance's configuration can be read.", me,
            facts == nil ? 0 : 1)
        guard let facts else { return }
        for state in ["absent", "stopped", "running", "paused", "unknown"] {
            text.add(
                "kecsctl_instance_state", .gauge, "1 for the state that the instance is in.",
                ["instance": name.description, "state": state], facts.state.name == state ? 1 : 0)
        }
        text.add(
            "kecsctl_instance_degraded", .gauge, "Whether a start could not restore the state.", me,
            facts.instance.config.degraded == nil ? 0 : 1)
        // A backup that could not be fully examined has no size: a part that is left out must not look like a loss.
        let isWhole = facts.unlooked == nil && facts.parts.allSatisfy { $0.tree.value != nil }
        text.add(
            "kecsctl_data_bytes", .gauge, "Size of all parts of the data.", me,
            isWhole ? facts.tree.value.map { Double($0.bytes) } : nil)
        for part in facts.parts where part.part.role != .config {
            text.add(
                "kecsctl_part_bytes", .gauge, "Size of a part of the data.",
                ["instance": name.description, "part": part.name], part.tree.value.map { Double($0.bytes) })
        }
        for part in facts.parts where part.part.role != .config {
            text.add(
                "kecsctl_part_present", .gauge, "1 when a part of the data is there and holds something.",
                ["instance": name.description, "part": part.name], part.part.presence == .present ? 1 : 0)
        }
        text.add(
            "kecsctl_database_bytes", .gauge, "Size of the state database.", me,
            facts.database.value?.status.map { Double($0.size) })
        text.add(
            "kecsctl_database_wal_bytes", .gauge, "Size of the state database's write-ahead log.", me,
            facts.database.value.map { Double($0.walBytes) })
        let backups = facts.backups.value ?? []
        let states: [(String, (StoredBackup) -> Bool)] = [
            ("verified", { $0.isVerified && !$0.isLacking && !$0.hasFailedDrill }),
            ("drill-failed", { $0.isVerified && !$0.isLacking && $0.hasFailedDrill }),
            ("lacking", { $0.isLacking }),
            ("unverified", { $0.state == .complete && !$0.isVerified }),
            ("incomplete", { $0.state == .incomplete }),
            ("unreadable", { $0.unreadable != nil }),
            ("damaged", { if case .damaged = $0.state { true } else { false } }),
        ]
        for (state, isIn) in states {
            let count = backups.count { isIn($0) }
            text.add(
                "kecsctl_backups", .gauge, "Backups on disk, by their state.",
                ["instance": name.description, "state": state], Double(count))
        }
        text.add(
            "kecsctl_backups_bytes", .gauge, "Size of all archives of the instance.", me,
            Double(backups.total { $0.manifest?.bytes ?? 0 }))
        let newest = facts.newestGood
        text.add(
            "kecsctl_backup_newest_timestamp_seconds", .gauge,
            "When the newest backup that can be restored was taken.", me,
            newest.map { seconds($0.id.createdAt) })
        text.add(
            "kecsctl_backup_newest_bytes", .gauge, "Size of its archives.", me,
            newest?.manifest.map { Double($0.bytes) })
        text.add(
            "kecsctl_backup_newest_verified_timestamp_seconds", .gauge, "When it was last read as a whole.",
            me,
            newest.map { seconds(max($0.mark.verification?.at ?? $0.id.createdAt, $0.id.createdAt)) })
        // Unreadable evidence is no evidence.
        let drills = try? PastDrills(facts.instance.backups)
        text.add(
            "kecsctl_drill_last_timestamp_seconds", .gauge, "When a restore was last rehearsed.", me,
            drills?.last.map { seconds($0.at) })
        text.add(
            "kecsctl_drill_last_passed", .gauge, "1 when that rehearsal ended well.", me,
            drills?.last.map { $0.passed ? 1 : 0 })
        text.add(
            "kecsctl_drill_last_passed_timestamp_seconds", .gauge, "When a rehearsal last ended well.", me,
            drills?.lastPassed.map { seconds($0.at) })
        addCopies(name, facts, to: &text)
        if let growth = Growth(backups) {
            text.add(
                "kecsctl_data_growth_bytes_per_day", .gauge,
                "By the sizes that the last 30 days' backups recorded.", me,
                growth.bytesPerDay)
            let free = facts.roots.compactMap { try? site.machine.freeSpace($0) }.min()
            if let free {
                text.add(
                    "kecsctl_disk_days_to_full", .gauge, "At that growth; absent when it does not grow.", me,
                    growth.days(untilFull: free))
            }
        }
    }

    private func addCopies(_ name: InstanceName, _ facts: InstanceFacts, to text: inout PrometheusText) {
        // Notes that cannot be read are no evidence. A remote without a good copy is there with 0.
        guard let past = try? PastCopies(facts.instance.backups) else { return }
        let wanted = (try? Remotes(site: site).ofSetting(facts.instance.settings)) ?? []
        for remote in Set(past.all.keys).union(wanted.map(\.name)).sorted() {
            let labels: KeyValuePairs = ["instance": name.description, "remote": remote]
            let newest = past.newest(at: remote)
            text.add(
                "kecsctl_copy_newest_timestamp_seconds", .gauge,
                "When the newest good backup was taken of which a remote has a copy that was found equal; 0: none.",
                labels, newest.map { seconds($0.id.createdAt) } ?? 0)
            text.add(
                "kecsctl_copy_newest_verified_timestamp_seconds", .gauge,
                "When that copy was last read back and found equal; 0: never.", labels,
                newest?.copy.verifiedAt.map { seconds($0) } ?? 0)
        }
    }

    private func addOperations(_ name: InstanceName, _ facts: InstanceFacts, to text: inout PrometheusText) {
        for command in [
            "backup", "restore", "start", "stop", "backups verify", "backups drill", "backups export",
            "backups copy",
            "recover", "doctor",
        ] {
            let labels: KeyValuePairs = ["instance": name.description, "operation": command]
            let runs = facts.history.filter { $0.command == command }
            guard !runs.isEmpty else { continue }
            let good = runs.filter { $0.succeeded(for: name) == true }
            let bad = runs.filter { $0.succeeded(for: name) == false }
            for (result, list) in [("success", good), ("failure", bad)] {
                text.add(
                    "kecsctl_operations_total", .counter, "Operations in the history, by their result.",
                    ["instance": name.description, "operation": command, "result": result], Double(list.count)
                )
            }
            text.add(
                "kecsctl_operation_last_success_timestamp_seconds", .gauge, "When it last succeeded.", labels,
                good.last.map { seconds($0.at) })
            text.add(
                "kecsctl_operation_last_failure_timestamp_seconds", .gauge, "When it last failed.", labels,
                bad.last.map { seconds($0.at) })
            let last = good.last?.result(of: name)
            text.add(
                "kecsctl_operation_last_duration_seconds", .gauge, "How long the last good one took.", labels,
                last?["durationSeconds"]?.double)
            text.add(
                "kecsctl_operation_last_pause_seconds", .gauge,
                "How long the instance was paused for this backup.",
                labels,
                last?["pauseSeconds"]?.double)
        }
    }

    func seconds(_ moment: Moment) -> Double { Double(moment.seconds) }
}
