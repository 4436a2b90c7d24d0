// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A restore's way. Whatever has a `velero-backup.json` is restored, whole or not.
extension VeleroControllers {
    mutating func advanceRestore(_ key: String) {
        guard let restore = objects[key] else { return }
        let backup = restore["spec"]?["backupName"]?.string ?? ""
        if world.velero.restoreEnds.first == "ignored" {
            let made = restore["metadata"]?["creationTimestamp"]?.string.flatMap { Moment($0) }
            guard world.velero.serverSince[cluster] ?? 0 > made?.seconds ?? 0 else { return }
            world.velero.restoreEnds.removeFirst()
        }
        switch restore["status"]?["phase"]?.string {
        case nil:
            guard objects["backup/velero/\(backup)"] != nil else {
                return set(
                    key,
                    [
                        "phase": "FailedValidation",
                        "validationErrors": [
                            .string("Error retrieving backup: backups.velero.io \"\(backup)\" not found")
                        ],
                    ])
            }
            world.objects[cluster]?[key] = restore.merging([
                "metadata": ["finalizers": ["restores.velero.io/external-resources-finalizer"]]
            ])
            set(key, ["phase": "New"])
        case "New":
            set(key, ["phase": "InProgress", "startTimestamp": time])
        case "InProgress": proceed(key, restore, backup)
        case "Finalizing", "FinalizingPartiallyFailed":
            let isPartial = restore["status"]?["phase"] == "FinalizingPartiallyFailed"
            set(key, ["phase": isPartial ? "PartiallyFailed" : "Completed", "completionTimestamp": time])
        default: break
        }
    }

    private mutating func proceed(_ key: String, _ restore: JSONValue, _ backup: String) {
        let end = world.velero.restoreEnds.first
        switch end {
        case "stuck": return
        case "crash":
            world.velero.restoreEnds.removeFirst()
            world.velero.serverSince[cluster] = nil
            return
        default: if end != nil { world.velero.restoreEnds.removeFirst() }
        }
        guard let store, let files = store.objects(of: backup), end != "Failed" else {
            return set(
                key,
                [
                    "phase": "Failed", "completionTimestamp": time,
                    "failureReason": "error downloading backup: unexpected EOF",
                ])
        }
        var errors: [JSONValue] = []
        var warnings: [JSONValue] = []
        for file in files {
            if let why = obstacle(end, file.path), errors.isEmpty {
                errors.append(.string(why))
                continue
            }
            if let warning = put(file.object, restore) { warnings.append(.string(warning)) }
        }
        let name = String(key.dropFirst("restore/velero/".count))
        do {
            try store.put(
                "restores/\(name)/restore-\(name)-results.gz",
                gzipped: [
                    "errors": errors.isEmpty ? [:] : ["namespaces": ["web": .array(errors)]],
                    "warnings": warnings.isEmpty ? [:] : ["cluster": .array(warnings)],
                ])
        } catch { world.unexpected.append("the restore \(name): \(error)") }
        for volume in world.velero.volumes {
            world.objects[cluster]?["podvolumerestore/velero/\(name)-\(volume)"] = [
                "apiVersion": "velero.io/v1", "kind": "PodVolumeRestore",
                "metadata": [
                    "name": .string("\(name)-\(volume)"), "namespace": "velero",
                    "labels": ["velero.io/restore-name": .string(name)],
                ],
                "spec": ["volume": .string(volume), "pod": ["namespace": "web", "name": "site-0"]],
                "status": ["phase": "New", "standinQuestions": 3],
            ]
        }
        set(
            key,
            [
                "phase": errors.isEmpty ? "Finalizing" : "FinalizingPartiallyFailed",
                "progress": [
                    "totalItems": .integer(Int64(files.count)), "itemsRestored": .integer(Int64(files.count)),
                ],
                "errors": .integer(Int64(errors.count)), "warnings": .integer(Int64(warnings.count)),
            ])
    }

    /// As Velero words what one object could not be restored for.
    private func obstacle(_ end: String?, _ path: String) -> String? {
        switch end {
        case "PartiallyFailed" where path.contains("/deployments.apps/"):
            "error restoring deployments.apps/web/site: the server could not find the requested resource"
        case "webhook" where path.contains("/deployments.apps/"):
            "error restoring deployments.apps/web/site: Internal error occurred: failed calling webhook \"check.example.com\": no endpoints available for service \"check\""
        case "port" where path.contains("/services/"):
            "error restoring services/web/site: Service \"site\" is invalid: spec.ports[0].nodePort: Invalid value: 30123: provided port is already allocated"
        default: nil
        }
    }

    /// - Returns: The warning about what is there already and is different.
    private mutating func put(_ object: JSONValue, _ restore: JSONValue) -> String? {
        guard let resource = resource(of: object), !Self.isNever(object, resource) else { return nil }
        var name = object["metadata"]?["name"]?.string ?? ""
        var space = resource.isNamespaced ? object["metadata"]?["namespace"]?.string ?? "" : ""
        let spec = restore["spec"]
        let own = resource.isNamespaced ? space : resource.name == "namespaces" ? name : ""
        let wanted = (spec?["includedNamespaces"]?.array ?? []).compactMap(\.string)
        let kinds = (spec?["includedResources"]?.array ?? []).compactMap(\.string)
        let labels = spec?["labelSelector"]?["matchLabels"]?.object ?? [:]
        guard wanted.isEmpty || wanted.contains(own), kinds.isEmpty || kinds.contains(resource.name),
            labels.allSatisfy({ object["metadata"]?["labels"]?[$0] == $1 })
        else { return nil }
        if let other = spec?["namespaceMapping"]?[own]?.string {
            if resource.isNamespaced { space = other } else { name = other }
        }
        let excluded = (restore["spec"]?["excludedNamespaces"]?.array ?? []).compactMap(\.string)
        guard !excluded.contains(own) else {
            return nil
        }
        let key = "\(resource.kind.lowercased())/\(space)/\(name)"
        if let live = objects[key] {
            if live["spec"] == object["spec"], live["data"] == object["data"] { return nil }
            return
                "could not restore, \(resource.kind) \"\(name)\" already exists. Warning: the in-cluster version is different than the backed-up version"
        }
        if resource.isNamespaced, objects["namespace//\(space)"] == nil {
            world.objects[cluster]?["namespace//\(space)"] = [
                "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(space)],
            ]
        }
        // Only a volume that is kept comes back as it is.
        if resource.name == "persistentvolumes",
            object["spec"]?["persistentVolumeReclaimPolicy"]?.string ?? "Delete" == "Delete"
        {
            return nil
        }
        guard case .object(var fields) = object else { return nil }
        fields["status"] = nil
        var metadata = fields["metadata"]?.object ?? [:]
        for field in ["managedFields", "ownerReferences", "resourceVersion"] { metadata[field] = nil }
        metadata["uid"] = .string("uid-of-\(key)-\(now)")
        metadata["generation"] = 1
        metadata["name"] = .string(name)
        if resource.isNamespaced { metadata["namespace"] = .string(space) }
        fields["metadata"] = JSONValue.object(metadata).merging([
            "labels": [
                "velero.io/backup-name": restore["spec"]?["backupName"] ?? "",
                "velero.io/restore-name": restore["metadata"]?["name"] ?? "",
            ]
        ])
        if resource.name == "services", restore["spec"]?["preserveNodePorts"] != true {
            let ports = (object["spec"]?["ports"]?.array ?? []).map { port -> JSONValue in
                guard case .object(var fields) = port else { return port }
                fields["nodePort"] = nil
                return .object(fields)
            }
            fields["spec"] = fields["spec"]?.merging(["ports": .array(ports)])
        }
        if ["Deployment", "StatefulSet"].contains(resource.kind) {
            fields["status"] = [
                "observedGeneration": 1, "updatedReplicas": 0, "availableReplicas": 0,
                "standinQuestions": .integer(Int64(world.rolloutQuestions)),
            ]
        } else if resource.kind == "DaemonSet" {
            fields["status"] = [
                "observedGeneration": 1, "updatedNumberScheduled": 0, "numberAvailable": 0,
                "desiredNumberScheduled": 1, "standinQuestions": .integer(Int64(world.rolloutQuestions)),
            ]
        }
        world.objects[cluster]?[key] = .object(fields)
        return nil
    }

    /// A volume is filled some questions after its restore is completed.
    mutating func fill(_ key: String) {
        guard let left = objects[key]?["status"]?["standinQuestions"]?.integer else { return }
        let end = world.velero.volumeEnds.first
        if left > 0 { return set(key, ["phase": "InProgress", "standinQuestions": .integer(left - 1)]) }
        if end == "stuck" { return }
        if end != nil { world.velero.volumeEnds.removeFirst() }
        set(key, ["phase": .string(end ?? "Completed"), "standinQuestions": .null])
    }
}
