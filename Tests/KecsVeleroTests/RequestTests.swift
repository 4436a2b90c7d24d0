// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import KecsVelero

/// What is asked of Velero, and what is made of its answers.
@Suite struct RequestTests {
    private static let objects = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/velero/objects")
    private static let time = Moment(seconds: 1_795_910_467)

    private static func fixture(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: String(decoding: objects.pushing(FilePath(path)).contents(), as: UTF8.self))
    }

    /// They are held to Velero's own definitions, too: `KubernetesSchemaTests`.
    @Test func `what is asked for is what was looked at`() throws {
        let name = StopBackup.name(of: "dev", at: Self.time, taken: [])
        let backup = StopBackup(name: name, hasVolumes: true, isDegraded: true)
        #expect(try backup.object == Self.fixture("requests/backup.json"))
        var restore = VeleroRestore(
            name: VeleroRestore.name(of: "dev", at: Self.time, taken: []), backup: "b")
        #expect(try restore.object == Self.fixture("requests/restore.json"))
        restore.namespaces = ["web"]
        restore.resources = ["deployments.apps"]
        restore.labels = ["app": "site"]
        restore.mapping = ["web": "copy"]
        #expect(try restore.object == Self.fixture("requests/restore-part.json"))
        let deletion = VeleroDeletion(backup: "b", uid: "u", time: Self.time)
        #expect(try deletion.object == Self.fixture("requests/delete.json"))
    }

    private static let phases: [(String, VeleroPhase)] = [
        ("00-just-created-no-status", VeleroPhase.waiting("New")), ("01-new", .waiting("New")),
        ("02-queued", .waiting("Queued")), ("03-ready-to-start", .waiting("ReadyToStart")),
        ("04-failed-validation", .failed("FailedValidation")),
        ("05-in-progress-before-count", .working("InProgress")), ("06-in-progress", .working("InProgress")),
        ("07-waiting-for-plugin-operations", .working("WaitingForPluginOperations")),
        (
            "08-waiting-for-plugin-operations-partially-failed",
            .working("WaitingForPluginOperationsPartiallyFailed")
        ),
        ("09-finalizing", .working("Finalizing")),
        ("10-finalizing-partially-failed", .working("FinalizingPartiallyFailed")),
        ("11-completed", .completed), ("12-completed-with-warnings", .completed),
        ("13-partially-failed", .partiallyFailed), ("14-failed-upload", .failed("Failed")),
        ("15-failed-exists", .failed("Failed")), ("16-failed-server-restart", .failed("Failed")),
        ("17-deleting", .failed("Deleting")),
    ]

    @Test(arguments: phases)
    func `each phase is waited for or is an end`(file: String, phase: VeleroPhase) throws {
        let object = try Self.fixture("backup/\(file).json")
        #expect(VeleroPhase(object["status"]?["phase"]?.string) == phase)
    }

    private static let restores: [(String, VeleroPhase, String)] = [
        ("00-just-created-no-status", .waiting("New"), ""), ("01-new", .waiting("New"), ""),
        (
            "02-failed-validation-no-backup", .failed("FailedValidation"),
            "Velero has not read its object store"
        ),
        (
            "03-failed-validation-bsl", .failed("FailedValidation"),
            "Velero's location for backups is not available"
        ), ("04-in-progress", .working("InProgress"), ""),
        ("05-waiting-for-plugin-operations", .working("WaitingForPluginOperations"), ""),
        (
            "06-waiting-for-plugin-operations-partially-failed",
            .working("WaitingForPluginOperationsPartiallyFailed"), ""
        ),
        ("07-finalizing", .working("Finalizing"), ""),
        ("08-finalizing-partially-failed", .working("FinalizingPartiallyFailed"), ""),
        ("09-completed", .completed, ""), ("10-completed-with-warnings", .completed, ""),
        ("11-partially-failed", .partiallyFailed, ""),
        ("12-failed", .failed("Failed"), "a file of it is gone from the object store"),
        ("13-failed-server-restart", .failed("Failed"), "Velero was started again during it"),
    ]

    @Test(arguments: restores)
    func `each phase of a restore is waited for or is an end, with its reason`(
        file: String, phase: VeleroPhase, reason: String
    ) throws {
        let status = try Self.fixture("restore/\(file).json")["status"]
        #expect(VeleroPhase(status?["phase"]?.string) == phase)
        guard !reason.isEmpty else { return }
        let words = try #require(
            status?["failureReason"]?.string ?? status?["validationErrors"]?.array?.first?.string)
        #expect(VeleroReason.translated(words).hasPrefix(reason), "\(words)")
    }

    /// Every sample is in one of the lists.
    @Test func `no sample object is left out`() throws {
        for (folder, names) in [("backup", Self.phases.map(\.0)), ("restore", Self.restores.map(\.0))] {
            let files = try Self.objects.appending(folder).entries().map { String($0.string.dropLast(5)) }
            #expect(Set(files) == Set(names), "\(folder)")
        }
    }

    @Test func `a phase that is not known is waited for`() {
        #expect(!VeleroPhase("NewFailedKindOfThing").isOver)
    }

    // MARK: Which go, which are restored

    private func backup(
        _ number: Int, degraded: Bool = false, own: Bool = true, _ verdict: VeleroBackup.Verdict = .restorable
    ) -> VeleroBackup {
        var backup = VeleroBackup("b\(number)", depth: .sizes)
        backup.startedAt = Moment(seconds: Int64(number))
        if own { backup.labels[StopBackup.label] = "stop" }
        if degraded { backup.labels[StopBackup.lineageLabel] = "degraded" }
        if verdict != .restorable { backup.lower(to: verdict, "x") }
        return backup
    }

    @Test func `five that can be restored are kept, and what cannot counts as none of them`() {
        let keep = KeepStopBackups(isDegraded: false)
        let good = (1...7).map { backup($0) }
        #expect(keep.superfluous(good.shuffled()) == ["b1", "b2"])
        #expect(keep.superfluous(Array(good.prefix(5))) == [])
        // The newest are all damaged: the five before them stay.
        let damaged = (8...12).map { backup($0, .damaged) }
        #expect(keep.superfluous(good + damaged) == ["b1", "b2"])
        // An old one that is damaged goes; what cannot be read, and what is no backup, is not touched.
        let old = [backup(-3, .damaged), backup(-2, .unreadable), backup(-1, .notABackup)]
        #expect(keep.superfluous(good + old) == ["b-3", "b1", "b2"])
        #expect(keep.superfluous((1...9).map { backup($0, own: false) }) == [])
    }

    @Test func `those of a degraded instance push out no good one, then and later`() {
        let good = (1...6).map { backup($0) }
        let degraded = (11...17).map { backup($0, degraded: true) }
        #expect(KeepStopBackups(isDegraded: true).superfluous(good + degraded) == ["b11", "b12"])
        #expect(KeepStopBackups(isDegraded: false).superfluous(good + degraded) == ["b1", "b11", "b12"])
    }

    @Test
    func
        `the newest good one is restored, one of a degraded instance only where that is known or all there is`()
    {
        let all = [
            backup(1), backup(2), backup(3, degraded: true), backup(4, .damaged), backup(5, own: false),
        ]
        #expect(ChooseStopBackup(isDegraded: false).candidates(all).map(\.name) == ["b2", "b1"])
        #expect(ChooseStopBackup(isDegraded: true).candidates(all).map(\.name) == ["b3", "b2", "b1"])
        #expect(
            ChooseStopBackup(isDegraded: false).candidates([backup(3, degraded: true)]).map(\.name) == ["b3"])
    }

    @Test func `of one second the tenth is newer than the ninth`() {
        func made(_ name: String) -> VeleroBackup {
            var backup = VeleroBackup(name, depth: .sizes)
            backup.startedAt = Self.time
            return backup
        }
        #expect(VeleroBackup.isOlder(made("a-9"), made("a-10")))
        #expect(VeleroBackup.isOlder(made("a"), made("a-2")))
        #expect(!VeleroBackup.isOlder(made("a-10"), made("a-9")))
    }

    // MARK: Volumes

    private func lost(_ spec: JSONValue, pod phase: String? = "Running", agent: Bool = true) -> String? {
        let claim: JSONValue = [
            "metadata": ["name": "data", "namespace": "web"], "spec": ["volumeName": "pv"],
        ]
        let volume: JSONValue = ["metadata": ["name": "pv"], "spec": spec]
        let pods: [JSONValue] =
            phase.map { phase in
                [
                    [
                        "metadata": ["name": "p", "namespace": "web"], "status": ["phase": .string(phase)],
                        "spec": ["volumes": [["persistentVolumeClaim": ["claimName": "data"]]]],
                    ]
                ]
            } ?? []
        let found = LostVolumes(hasVolumes: agent).find(claims: [claim], volumes: [volume], pods: pods)
        #expect(found.allSatisfy { $0.claim == "web/data" })
        return found.first?.why
    }

    @Test func `what Velero leaves out with no more than a warning is found before`() {
        #expect(lost(["hostPath": ["path": "/x"]])?.contains("hostPath") == true)
        let local: JSONValue = ["local": ["path": "/x"], "persistentVolumeReclaimPolicy": "Delete"]
        #expect(lost(local) == nil)
        #expect(lost(local, agent: false)?.contains("veleroVolumes") == true)
        #expect(lost(local, pod: "Succeeded")?.contains("not running") == true)
        #expect(lost(local, pod: nil)?.contains("no pod") == true)
        let csi: JSONValue = ["csi": ["driver": "x"], "persistentVolumeReclaimPolicy": "Delete"]
        #expect(lost(csi, agent: false)?.contains("Delete") == true)
        // Elsewhere, and kept: it is there again as it is.
        #expect(
            lost(["nfs": ["path": "/x"], "persistentVolumeReclaimPolicy": "Retain"], agent: false) == nil)
    }

    @Test func `a claim that has no volume yet, and those of the system, lose nothing`() {
        let claims: [JSONValue] = [
            ["metadata": ["name": "a", "namespace": "web"], "spec": [:]],
            ["metadata": ["name": "b", "namespace": "kube-system"], "spec": ["volumeName": "pv"]],
        ]
        let volume: JSONValue = ["metadata": ["name": "pv"], "spec": ["hostPath": ["path": "/x"]]]
        #expect(LostVolumes(hasVolumes: false).find(claims: claims, volumes: [volume], pods: []).isEmpty)
    }
}
