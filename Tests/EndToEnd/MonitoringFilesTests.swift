// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `docs/monitoring`: what is to be loaded into Prometheus and Grafana asks for what `kecsctl metrics` writes.
@Suite struct MonitoringFilesTests {
    private var folder: FilePath { Python.root.appending("docs/monitoring") }

    private func check(_ folder: FilePath, _ metrics: FilePath) throws -> JSONValue {
        let tool = Python.root.appending("Tests/Tools/monitoring-files").string
        let answer = try Python.run([tool, metrics.string, folder.string])
        let found = try JSONFile.decode(JSONValue.self, from: Array(answer.output.utf8), at: "stdout")
        #expect((answer.status == 0) == (found["problems"]?.array == []))
        return found
    }

    @Test(.enabled(if: RemoteScene.hasRclone, RemoteScene.reason))
    func `alerts and dashboard ask for metrics that are written`() async throws {
        guard try Python.run(["-c", "import promql_parser, prometheus_client"]).status == 0 else {
            try Test.cancel("scripts/python has no promql_parser here")
        }
        try await RemoteScene.with { scene in
            _ = try await scene.backUp("--copy-to", "usb")
            try await scene.must("backups", "drill", "dev")
            let metrics = scene.root.appending("metrics.prom")
            try await scene.must("metrics", "--textfile", metrics.string)
            let found = try check(folder, metrics)
            #expect(found["problems"]?.array == [], "\(found)")
            #expect(try #require(found["alerts"]?.integer) >= 15)
            #expect(try #require(found["panels"]?.integer) >= 12)

            // And the check finds what it looks for.
            let broken = scene.root.appending("broken")
            try broken.createFolder()
            for name in ["alerts.yml", "dashboard.json"] {
                var text = String(decoding: try folder.appending(name).contents(), as: UTF8.self)
                text = text.replacing(
                    "kecsctl_backup_newest_timestamp_seconds", with: "kecsctl_backup_newest"
                )
                .replacing("state=\"lacking\"", with: "state=\"lost\"")
                .replacing("> 0.9", with: "> > 0.9")
                try broken.appending(name).replaceContents(Array(text.utf8))
            }
            let wrong = try check(broken, metrics)
            #expect(try #require(wrong["problems"]?.array).count == 4, "\(wrong)")
        }
    }

    @Test(.enabled(if: access("/usr/bin/promtool", X_OK) == 0, "promtool is missing: package prometheus"))
    func `promtool takes the alerts, and they fire when they should`() async throws {
        for words in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
            var call = ProcessCall("/usr/bin/promtool", words)
            call.folder = folder
            let result = try await SystemProcesses(environment: [:], cancellation: Cancellation()).run(call)
            #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
        }
    }
}
