// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

@Suite struct MetricsTests {
    @Test func `values, labels and families are written as the format wants`() {
        var text = PrometheusText()
        text.add("a_total", .counter, "A.", ["x": "q\"b\\n\n"], 3)
        text.add("b", .gauge, "B.", 0.5)
        text.add("a_total", .counter, "A.", ["x": "y"], 1e18)
        text.add("c", .gauge, "C.", nil)
        #expect(
            text.text
                == "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"q\\\"b\\\\n\\n\"} 3\na_total{x=\"y\"} 1000000000000000000\n# HELP b B.\n# TYPE b gauge\nb 0.5\n"
        )
    }

    @Test func `the last success and failure, sizes, durations and counts are there`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(3600))
            try scene.addHistory(
                "backup", "done", age: .seconds(3600),
                extra: ["durationSeconds": .real(1.5), "pauseSeconds": 0])
            try scene.addHistory("backup", "failed", status: 16, age: .seconds(60))
            let lines = Set(
                try await CollectMetrics(site: scene.site).run().split(separator: "\n").map(String.init))
            let newest = CheckScene.now.seconds - 3600
            for line in [
                "kecsctl_instance_degraded{instance=\"dev\"} 0",
                "kecsctl_instance_state{instance=\"dev\",state=\"stopped\"} 1",
                "kecsctl_backups{instance=\"dev\",state=\"verified\"} 1",
                "kecsctl_backup_newest_timestamp_seconds{instance=\"dev\"} \(newest)",
                "kecsctl_operations_total{instance=\"dev\",operation=\"backup\",result=\"failure\"} 1",
                "kecsctl_operation_last_success_timestamp_seconds{instance=\"dev\",operation=\"backup\"} \(newest)",
                "kecsctl_operation_last_failure_timestamp_seconds{instance=\"dev\",operation=\"backup\"} \(CheckScene.now.seconds - 60)",
                "kecsctl_operation_last_duration_seconds{instance=\"dev\",operation=\"backup\"} 1.5",
            ] {
                #expect(lines.contains(line), "\(line)")
            }
        }
    }

    @Test func `the file is replaced as a whole, readable for its collector`() async throws {
        try await CheckScene.with { scene in
            let file = scene.home.folder.appending("kecsctl.prom")
            try scene.write(file, "old")
            try await CollectMetrics(site: scene.site).write(to: file)
            #expect(try FileStatus.of(file)?.mode == 0o644)
            #expect(try file.contents().count > 500)
            #expect(try scene.home.folder.entries().filter { $0.string.contains("draft") } == [])
        }
    }

    @Test func `a foreign parser takes the metrics`() async throws {
        try await CheckScene.with { scene in
            try scene.addBackup(.seconds(3600))
            try scene.addHistory("backup", "done")
            let file = scene.home.folder.appending("m.prom")
            try await CollectMetrics(site: scene.site).write(to: file)
            let result = try await ForeignTools.python(
                "-c",
                "import sys;from prometheus_client.parser import text_string_to_metric_families as f;n=[m.name for m in f(open(sys.argv[1]).read())];assert len(n)==len(set(n)) and len(n)>15,n",
                file.string)
            #expect(result.succeeded, "\(result.errorText)")
        }
    }
}
