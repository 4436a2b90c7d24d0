// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Reads the small objects of a backup.
extension JudgeVeleroBackup {
    /// Reads `velero-backup.json`: the Backup object as it was uploaded last.
    func readStatus(_ json: JSONValue, _ backup: inout VeleroBackup) throws {
        guard json["kind"]?.string == "Backup", let name = json["metadata"]?["name"]?.string else {
            throw ObjectProblem(.damaged, VeleroFile.backup.rawValue, "it is no Backup of Velero")
        }
        if name != backup.name {
            backup.lower(to: .damaged, "velero-backup.json is the one of “\(printable(Array(name.utf8)))”")
        }
        let status = json["status"]
        func moment(_ key: String) -> Moment? { status?[key]?.string.flatMap { Moment($0) } }
        backup.labels = (json["metadata"]?["labels"]?.object ?? [:]).compactMapValues(\.string)
        let annotations = json["metadata"]?["annotations"]
        backup.kubernetes = VeleroBackup.release(
            annotations?["velero.io/source-cluster-k8s-gitversion"]?.string ?? "")
        backup.phase = status?["phase"]?.string
        backup.startedAt = moment("startTimestamp")
        backup.completedAt = moment("completionTimestamp")
        backup.expiresAt = moment("expiration")
        backup.items = status?["progress"]?["itemsBackedUp"]?.integer
        backup.errors = status?["errors"]?.integer ?? 0
        backup.warnings = status?["warnings"]?.integer ?? 0
        switch backup.phase {
        case "Completed": break
        case "PartiallyFailed":
            backup.lower(
                to: .withErrors,
                "Velero noted \(backup.errors == 1 ? "1 error" : "\(backup.errors) errors") (phase PartiallyFailed)"
            )
        case "Failed", "FailedValidation":
            let why = status?["failureReason"]?.string.map { ": " + printable(Array($0.utf8)) } ?? ""
            backup.lower(to: .damaged, "the backup failed (phase \(backup.phase ?? ""))\(why)")
        case let phase?:
            backup.lower(
                to: .damaged,
                "the backup did not come to its end (phase \(printable(Array(phase.utf8)))): Velero does not restore it"
            )
        case nil: backup.lower(to: .damaged, "velero-backup.json has no phase")
        }
    }

    /// Reads the result of file-system backup for each volume, and checks whether its repository still exists.
    func readPodVolumes(_ json: JSONValue, _ backup: inout VeleroBackup) throws {
        var namespaces: Set<String> = []
        for item in json.array ?? json["items"]?.array ?? [] {
            let namespace = item["spec"]?["pod"]?["namespace"]?.string ?? ""
            let pod = item["spec"]?["pod"]?["name"]?.string ?? "?"
            let volume = item["spec"]?["volume"]?.string ?? "?"
            let phase = item["status"]?["phase"]?.string ?? "New"
            guard phase == "Completed" else {
                backup.lower(
                    to: .withErrors,
                    printable(
                        Array(
                            "the volume \(volume) of the pod \(namespace)/\(pod) was not backed up (phase \(phase))"
                                .utf8)))
                continue
            }
            if item["spec"]?["uploaderType"]?.string ?? "kopia" == "kopia" { namespaces.insert(namespace) }
        }
        for namespace in namespaces.sorted()
        where VeleroBucket.isPath(namespace) && !namespace.contains("/") {
            let repository = "\(bucket.path)/kopia/\(namespace)/kopia.repository"
            if try bucket.store.object(repository).object == nil {
                backup.lower(
                    to: .withErrors,
                    "the volumes' data of the namespace \(namespace) are not in this store (kopia/\(namespace))"
                )
            }
        }
    }

    /// Reads the volumes that Velero left out, with the reasons.
    func readVolumes(_ json: JSONValue, _ backup: inout VeleroBackup) throws {
        for item in json.array ?? [] where item["skipped"]?.bool == true {
            let name =
                [item["pvcNamespace"], item["pvcName"]].compactMap { $0?.string }.joined(separator: "/")
            let volume = name.isEmpty ? item["pvName"]?.string ?? "?" : name
            let why = item["skippedReason"]?.string.map { ": \($0)" } ?? ""
            backup.remark(printable(Array("the volume \(volume) is not in it\(why)".utf8)))
        }
    }
}
