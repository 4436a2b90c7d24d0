// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsDoctor
import KecsSystem
import KecsTesting
import KecsVelero

@testable import Kecs
@testable import KecsRuntimes

/// What the cluster and the store's folder have of Velero; `docs/velero.md` has the table.
extension CheckCase {
    static let inVelero = [
        velero(
            "velero.pod", .error,
            "the pod node-agent-a of “dev” does not come up: the nodes were made without shared mounts",
            good: pod("node-agent-a", #""state":{"running":{}}"#),
            bad: pod(
                "node-agent-a",
                #""state":{"waiting":{"reason":"CreateContainerError","message":"/ but it is not a shared or slave mount"}}"#
            )),
        velero(
            "velero.restarted", .warning, "it ran out of memory and was started again 2 times",
            good: pod(
                "velero-a", #""restartCount":1,"lastState":{"terminated":{"exitCode":1}}"#, deploy: true),
            bad: pod(
                "velero-a",
                #""restartCount":2,"lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}"#,
                deploy: true)),
        velero(
            "velero.node-agent", .error, "runs on 1 of 2 nodes", good: agents(ready: 2), bad: agents(ready: 1)
        ),
        velero(
            "velero.stuck", .warning, "the backup b of “dev” is New for 31 s",
            good: waiting("Backup", "b", seconds: 30), bad: waiting("Backup", "b", seconds: 31)),
        velero(
            "velero.restore", .warning,
            "the last restore of “dev”, r2 of b, ended as FailedValidation: Velero has not read its object store",
            good: restores(last: "Completed"), bad: restores(last: "FailedValidation")),
        velero(
            "velero.volume-restore", .warning,
            "the volume data of web/site-0 in “dev” is not filled yet (InProgress)",
            good: filling("Completed"), bad: filling("InProgress")),
        velero(
            "velero.repository", .error,
            "the namespace web of “dev”: the volumes' data of the namespace are not in this store",
            good: repository("Ready"), bad: repository("NotReady")),
        velero(
            "velero.deletion", .warning, "does not remove its backup b: the object store does not answer",
            good: deletion(errors: "[]"), bad: deletion(errors: #"["dial tcp: connect: connection refused"]"#)
        ),
        velero(
            "velero.volumes", .warning,
            "the volume of web/data in “dev” will be in no backup: it is a hostPath volume",
            asking: VeleroChecks.volumes, settings: ["veleroBackup": .bool(true)],
            good: volume(#""nfs":{"path":"/x"},"persistentVolumeReclaimPolicy":"Retain""#),
            bad: volume(#""hostPath":{"path":"/x"}"#)),
        velero(
            "velero.definitions", .error, "backups.velero.io in “dev” is older than Velero 1.18.2",
            asking: VeleroChecks.definitions, settings: ["veleroBackup": .bool(true)],
            good: definitions { $0 },
            // As the release before had it.
            bad: definitions { $0.replacing(#""Queued","#, with: "") }),
        CheckCase(
            "velero.backup", .warning, "of “dev” is damaged", runtime: .k3d,
            good: { try $0.putBackups(["stop-dev-20261116093000"]) },
            bad: { try $0.putBackups(["stop-dev-20261116093000", "stop-dev-20261119093000"]) }),
        CheckCase(
            "velero.orphans", .info, "belong to no backup: 1 failed upload", runtime: .k3d,
            good: { try $0.putBackups(["stop-dev-20261116093000"]) },
            bad: { try $0.putBackups(["stop-dev-20261120093000"]) }),
    ]

    /// Of what the cluster has of Velero.
    private static func velero(
        _ id: String, _ severity: Severity, _ words: String,
        asking question: [String] = VeleroChecks.question,
        settings: [String: JSONValue] = [:], good: String, bad: String
    ) -> CheckCase {
        var made = inside(id, severity, words, question, good: good, bad: bad)
        made.settings = settings
        return made
    }

    private static func items(_ text: String...) -> String {
        #"{"items":["# + text.joined(separator: ",") + "]}"
    }

    private static func moment(_ seconds: Int64) -> String {
        #""creationTimestamp":"\#(CheckScene.now - .seconds(seconds))""#
    }

    private static func pod(_ name: String, _ container: String, deploy: Bool = false) -> String {
        let labels = deploy ? #""labels":{"deploy":"velero"},"# : ""
        return items(
            #"{"kind":"Pod","metadata":{\#(labels)"name":"\#(name)"},"status":{"containerStatuses":[{"name":"c",\#(container)}]}}"#
        )
    }

    private static func agents(ready: Int) -> String {
        items(
            #"{"kind":"DaemonSet","metadata":{"name":"node-agent"},"status":{"desiredNumberScheduled":2,"numberReady":\#(ready)}}"#
        )
    }

    private static func waiting(_ kind: String, _ name: String, seconds: Int64) -> String {
        items(
            #"{"kind":"\#(kind)","metadata":{"name":"\#(name)",\#(moment(seconds))},"status":{"phase":"New"}}"#
        )
    }

    private static func restores(last phase: String) -> String {
        items(
            #"{"kind":"Restore","metadata":{"name":"r1","creationTimestamp":"1"},"spec":{"backupName":"a"},"status":{"phase":"Failed"}}"#,
            #"{"kind":"Restore","metadata":{"name":"r2","creationTimestamp":"2"},"spec":{"backupName":"b"},"status":{"phase":"\#(phase)","validationErrors":["Error retrieving backup: b not found"]}}"#
        )
    }

    private static func filling(_ phase: String) -> String {
        items(
            #"{"kind":"PodVolumeRestore","metadata":{"name":"v",\#(moment(60))},"spec":{"volume":"data","pod":{"namespace":"web","name":"site-0"}},"status":{"phase":"\#(phase)"}}"#
        )
    }

    private static func repository(_ phase: String) -> String {
        items(
            #"{"kind":"BackupRepository","metadata":{"name":"web"},"spec":{"volumeNamespace":"web"},"status":{"phase":"\#(phase)","message":"repository not initialized in the provided storage"}}"#
        )
    }

    private static func deletion(errors: String) -> String {
        items(
            #"{"kind":"DeleteBackupRequest","metadata":{"name":"d",\#(moment(60))},"spec":{"backupName":"b"},"status":{"phase":"Processed","errors":\#(errors)}}"#
        )
    }

    private static func volume(_ spec: String) -> String {
        items(
            #"{"kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":"web"},"spec":{"volumeName":"pv"}}"#,
            #"{"kind":"PersistentVolume","metadata":{"name":"pv"},"spec":{\#(spec)}}"#)
    }

    private static func definitions(_ change: (String) -> String) -> String {
        do {
            return items(change(try VeleroDefinitions.objects().map { $0.text() }.joined(separator: ",")))
        } catch { return "\(error)" }
    }
}
