// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A backup's way: one phase a question, one backup at a time.
extension VeleroControllers {
    mutating func advanceBackup(_ key: String) {
        guard let backup = objects[key] else { return }
        let name = String(key.dropFirst("backup/velero/".count))
        switch backup["status"]?["phase"]?.string {
        case nil:
            let problems = self.problems(backup["spec"] ?? .null)
            set(
                key,
                problems.isEmpty
                    ? ["phase": "New", "formatVersion": "1.1.0", "version": 1]
                    : [
                        "phase": "FailedValidation",
                        "validationErrors": .array(problems.map(JSONValue.string)),
                    ])
        case "New": set(key, ["phase": "Queued", "queuePosition": 1])
        case "Queued":
            let isBusy = keys("backup").contains { objects[$0]?["status"]?["phase"] == "InProgress" }
            if !isBusy { set(key, ["phase": "ReadyToStart"]) }
        case "ReadyToStart":
            if let store, store.description(of: name) != nil {
                return set(
                    key, ["phase": "Failed", "failureReason": "backup already exists in object storage"])
            }
            let ttl = Self.seconds(backup["spec"]?["ttl"]?.string) ?? 720 * 3600
            set(
                key,
                [
                    "phase": "InProgress", "startTimestamp": time,
                    "expiration": .string("\(Moment(seconds: now + ttl))"),
                ])
        case "InProgress": proceed(key, name, backup)
        case "Finalizing", "FinalizingPartiallyFailed": complete(key, name, backup)
        default: break
        }
    }

    /// "87600h0m0s"
    private static func seconds(_ duration: String?) -> Int64? {
        guard let duration else { return nil }
        var total: Int64 = 0
        var number: Int64 = 0
        for letter in duration {
            switch letter {
            case "h": (total, number) = (total + number * 3600, 0)
            case "m": (total, number) = (total + number * 60, 0)
            case "s": (total, number) = (total + number, 0)
            default: number = number * 10 + Int64(letter.wholeNumberValue ?? 0)
            }
        }
        return total == 0 ? nil : total
    }

    private func problems(_ spec: JSONValue) -> [String] {
        var problems: [String] = []
        if isReadOnly {
            problems.append(
                "backup can't be created because backup storage location default is currently in read-only mode"
            )
        } else if !isAvailable {
            problems.append(
                "backup can't be created because BackupStorageLocation default is in Unavailable status.")
        }
        let old = ["includedResources", "excludedResources", "includeClusterResources"]
        let new = [
            "includedClusterScopedResources", "excludedClusterScopedResources",
            "includedNamespaceScopedResources", "excludedNamespaceScopedResources",
        ]
        if old.contains(where: { spec[$0] != nil }), new.contains(where: { spec[$0] != nil }) {
            problems.append(
                "include-resources, exclude-resources and include-cluster-resources are old filter parameters; they cannot be used with include-exclude-cluster-scoped-resources and include-exclude-namespace-scoped-resources"
            )
        }
        return problems
    }

    private mutating func proceed(_ key: String, _ name: String, _ backup: JSONValue) {
        let files = collect(backup["spec"] ?? .null)
        let total = Int64(files.count)
        guard backup["status"]?["progress"] != nil else {
            return set(
                key, ["progress": ["totalItems": .integer(total), "itemsBackedUp": .integer(total / 2)]])
        }
        let end = world.velero.backupEnds.first
        if end == "stuck" { return }
        if end == "crash" {
            world.velero.backupEnds.removeFirst()
            world.velero.serverSince[cluster] = nil
            world.velero.crashes += 1
            return
        }
        guard let store else { return }
        do {
            try store.put("backups/\(name)/\(name)-logs.gz", WrittenFiles.gzip(Array("log\n".utf8)))
            if end == "upload" {
                world.velero.backupEnds.removeFirst()
                return set(
                    key,
                    [
                        "phase": "Failed",
                        "failureReason":
                            "error uploading: XMinioStorageFull: Storage backend has reached its minimum free drive threshold.",
                    ])
            }
            set(
                key,
                [
                    "phase": end == "PartiallyFailed" ? "FinalizingPartiallyFailed" : "Finalizing",
                    "progress": ["totalItems": .integer(total), "itemsBackedUp": .integer(total)],
                ])
            try describe(key, name, store)
            var archive: [(path: String, content: [UInt8])] = [("metadata/version", Array("1.1.0".utf8))]
            archive += files.map { ($0.path, Array($0.object.text().utf8)) }
            let folder = "backups/\(name)/\(name)"
            try store.put("\(folder).tar.gz", WrittenFiles.gzip(WrittenFiles.tar(archive)))
            for list in ["podvolumebackups", "volumeinfo", "volumesnapshots", "itemoperations"] {
                try store.put("\(folder)-\(list).json.gz", gzipped: [])
            }
            try store.put(
                "\(folder)-resource-list.json.gz",
                gzipped: .object(
                    Dictionary(
                        files.map { file in
                            let kind =
                                "\(file.object["apiVersion"]?.string ?? "")/\(file.object["kind"]?.string ?? "")"
                            return (kind, JSONValue.array([file.object["metadata"]?["name"] ?? ""]))
                        }
                    ) { .array(($0.array ?? []) + ($1.array ?? [])) }))
            let errors = (1...7).map { JSONValue.string("error executing hook \($0)") }
            try store.put(
                "\(folder)-results.gz",
                gzipped: [
                    "errors": end == "PartiallyFailed" ? ["namespaces": ["web": .array(errors)]] : [:],
                    "warnings": [:],
                ])
            if end == "lie" { try store.flip("\(folder).tar.gz") }
        } catch {
            world.unexpected.append("the backup \(name): \(error)")
        }
    }

    /// The store has it as completed before the object shows it.
    private mutating func complete(_ key: String, _ name: String, _ backup: JSONValue) {
        guard let store else { return }
        let isPartial = backup["status"]?["phase"] == "FinalizingPartiallyFailed"
        if !world.velero.backupEnds.isEmpty { world.velero.backupEnds.removeFirst() }
        set(
            key,
            [
                "phase": isPartial ? "PartiallyFailed" : "Completed", "completionTimestamp": time,
                "errors": isPartial ? 7 : 0,
            ])
        do { try describe(key, name, store) } catch { world.unexpected.append("\(error)") }
    }

    private func describe(_ key: String, _ name: String, _ store: VeleroStore) throws {
        guard let backup = objects[key] else { return }
        let noted = backup.merging([
            "metadata": [
                "annotations": [
                    "velero.io/source-cluster-k8s-gitversion": .string(world.velero.kubernetes)
                ]
            ]
        ])
        try store.put("backups/\(name)/velero-backup.json", Array(noted.text().utf8))
    }

    /// What is in it, by its path in the tarball.
    private func collect(_ spec: JSONValue) -> [(path: String, object: JSONValue)] {
        let excluded = Set((spec["excludedNamespaces"]?.array ?? []).compactMap(\.string))
        let included = Set((spec["includedNamespaces"]?.array ?? []).compactMap(\.string)).subtracting(["*"])
        let scoped = Set((spec["includedClusterScopedResources"]?.array ?? []).compactMap(\.string))
        var files: [(path: String, object: JSONValue)] = []
        for (key, object) in objects.sorted(by: { $0.key < $1.key }) {
            let words = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard let resource = resource(of: object), !Self.isNever(object, resource), isKnown(resource),
                object["metadata"]?["labels"]?["velero.io/exclude-from-backup"] != "true"
            else { continue }
            if resource.isNamespaced || resource.name == "namespaces" {
                let space = resource.isNamespaced ? words[1] : words[2]
                guard !excluded.contains(space), included.isEmpty || included.contains(space) else {
                    continue
                }
            } else if !scoped.contains(resource.name) {
                continue
            }
            let place = resource.isNamespaced ? "namespaces/\(words[1])" : "cluster"
            files.append(("resources/\(resource.name)/\(place)/\(words[2]).json", object))
        }
        return files
    }

    /// The server asks for the kinds that there are when it starts, and every five minutes.
    private func isKnown(_ resource: APITable.Resource) -> Bool {
        guard
            let made = objects["customresourcedefinition//\(resource.name)"]?["metadata"]?[
                "creationTimestamp"]?.string.flatMap({ Moment($0) })
        else { return true }
        return made.seconds <= world.velero.serverSince[cluster] ?? 0 || now - made.seconds >= 300
    }

    func resource(of object: JSONValue) -> APITable.Resource? {
        let version = object["apiVersion"]?.string ?? ""
        let group = version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
        return resources.first { $0.kind == object["kind"]?.string && $0.group == group }
    }

    /// Never restored, and of no use in a backup.
    static func isNever(_ object: JSONValue, _ resource: APITable.Resource) -> Bool {
        ["nodes", "events", "backups.velero.io", "restores.velero.io"].contains(resource.name)
            || resource.name == "pods" && object["status"]?["phase"] == "Succeeded"
            || resource.name == "jobs.batch" && object["status"]?["completionTime"] != nil
    }
}
