// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// What backs up and restores the objects in clusters.
extension CollectMetrics {
    func addClusterBackups(_ name: InstanceName, _ facts: InstanceFacts, to text: inout PrometheusText) {
        let me: KeyValuePairs = ["instance": name.description]
        let stock: Result<ClusterBackupStock?, any Error> = Result {
            try site.runtime(facts.instance).clusterBackups.storedClusterBackups()
        }
        // One that cannot be read has no numbers; doctor tells why.
        if case .failure = stock {
            text.add("kecsctl_object_store_readable", .gauge, Self.readable, me, 0)
        } else if case .success(let stock?) = stock {
            text.add("kecsctl_object_store_readable", .gauge, Self.readable, me, 1)
            for (verdict, count) in stock.verdicts.sorted(by: { $0.key < $1.key }) {
                text.add(
                    "kecsctl_cluster_backups", .gauge,
                    "Backups of the cluster on this host, by what their metadata and sizes tell.",
                    ["instance": name.description, "verdict": verdict], Double(count))
            }
            text.add(
                "kecsctl_cluster_backups_bytes", .gauge, "Size of the objects of all of them.", me,
                Double(stock.bytes))
            text.add(
                "kecsctl_cluster_backup_newest_timestamp_seconds", .gauge,
                "When the newest one that can be restored was begun, by the cluster's clock.", me,
                stock.newest?.startedAt.map(seconds))
            text.add(
                "kecsctl_cluster_backup_newest_bytes", .gauge, "Size of its objects.", me,
                stock.newest.map { Double($0.bytes) })
        }
        let store = facts.parts.first { $0.part.role == .objects && $0.name == "minio" }
        text.add(
            "kecsctl_object_store_bytes", .gauge, "Size of the files of the object store.", me,
            store?.tree.value.map { Double($0.bytes) })
        addRuns(
            "cluster_backup", "Backups of the cluster", Self.backups(name, facts.history), name, to: &text)
        addRuns(
            "cluster_restore", "Restores of the cluster", Self.restores(name, facts.history), name, to: &text)
    }

    private static let readable = "Whether the backups in the object store can be listed."

    private func addRuns(
        _ id: String, _ what: String, _ runs: [ClusterRun], _ name: InstanceName,
        to text: inout PrometheusText
    ) {
        guard !runs.isEmpty else { return }
        let me: KeyValuePairs = ["instance": name.description]
        for (result, isGood) in [("success", true), ("failure", false)] {
            text.add(
                "kecsctl_\(id)_runs_total", .counter, "\(what) in the history, by their result.",
                ["instance": name.description, "result": result],
                Double(runs.count { $0.isGood == isGood }))
        }
        let last = runs.last { $0.isGood }
        text.add(
            "kecsctl_\(id)_last_success_timestamp_seconds", .gauge, "When the last good one ended.", me,
            last.map { seconds($0.at) })
        text.add(
            "kecsctl_\(id)_last_failure_timestamp_seconds", .gauge, "When the last one failed.", me,
            runs.last { !$0.isGood }.map { seconds($0.at) })
        text.add(
            "kecsctl_\(id)_last_duration_seconds", .gauge, "How long the last good one took.", me,
            last?.seconds)
        text.add(
            "kecsctl_\(id)_last_items", .gauge, "Kubernetes objects in the last good one.", me,
            last?.items.map(Double.init))
        text.add(
            "kecsctl_\(id)_last_bytes", .gauge, "Size of the last good one.", me, last?.bytes.map(Double.init)
        )
    }

    /// A backup or restore of a cluster, as a line of the history has it.
    struct ClusterRun: Hashable {
        var at: Moment
        var isGood: Bool
        var seconds: Double?
        var items: Int64?
        var bytes: Int64?

        init(_ at: Moment, isGood: Bool, _ report: JSONValue? = nil) {
            self.at = at
            self.isGood = isGood
            seconds = report?["durationSeconds"]?.double
            items = report?["items"]?.integer
            bytes = report?["bytes"]?.integer
        }
    }

    /// Those of stops. One whose backup lacks something is good, and tells it elsewhere.
    static func backups(_ name: InstanceName, _ history: [HistoryRecord]) -> [ClusterRun] {
        history.filter { ["stop", "restart"].contains($0.command) }.compactMap { record in
            let result = record.result(of: name)
            if let backup = result?["clusterBackup"], backup.object != nil {
                return ClusterRun(record.at, isGood: true, backup)
            }
            let isRefused = result?["error"]?["message"]?.string?.hasSuffix(BackUpCluster.refusal) == true
            let hasFailed = result?["clusterBackupError"]?.object != nil
            return isRefused || hasFailed ? ClusterRun(record.at, isGood: false) : nil
        }
    }

    /// Those of starts, and those that somebody asked for. One with errors is not good.
    static func restores(_ name: InstanceName, _ history: [HistoryRecord]) -> [ClusterRun] {
        history.compactMap { record in
            let result = record.result(of: name)
            let report: JSONValue?
            switch record.command {
            case "start", "restart": report = result?["clusterRestore"]
            case "restore": report = result?["restore"]
            default: return nil
            }
            if let report, report.object != nil, report["phase"]?.string != nil {
                return ClusterRun(record.at, isGood: (report["errorCount"]?.integer ?? 0) == 0, report)
            }
            return result?["clusterRestoreError"]?.object != nil ? ClusterRun(record.at, isGood: false) : nil
        }
    }
}
