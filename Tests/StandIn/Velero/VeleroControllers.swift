// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// What MinIO and Velero 1.18 do in a cluster between two questions. Time is the world's: it goes on with every question.
///
/// With Velero's traps: a backup on an unavailable or read-only location fails at once; the store is looked at once a minute,
/// at the first tick only when the location was available by then; an expired backup is collected when it is learnt of; a
/// server that ends fails what it was doing; a restore asks nobody for the phase of its backup.
struct VeleroControllers {
    let cluster: String
    let resources: [APITable.Resource]
    var world: World

    static let location = "backupstoragelocation/velero/default"

    var objects: World.Objects { world.objects[cluster] ?? [:] }
    var now: Int64 { world.velero.now }
    var time: JSONValue { .string("\(Moment(seconds: now))") }

    mutating func work() {
        guard objects["namespace//velero"] != nil else {
            world.velero.serverSince[cluster] = nil
            return
        }
        world.velero.now += world.velero.step
        makeOwnFiles()
        guard isUp("deployment/velero/velero") else {
            world.velero.serverSince[cluster] = nil
            return
        }
        if world.velero.serverSince[cluster] == nil { startServer() }
        // Its first tick finds a location that nobody has validated yet.
        sync()
        validate()
        for key in keys("backup") { advanceBackup(key) }
        for key in keys("restore") { advanceRestore(key) }
        for key in keys("deletebackuprequest") { advanceDeletion(key) }
        for key in keys("podvolumerestore") { fill(key) }
    }

    func keys(_ kind: String) -> [String] { objects.keys.filter { $0.hasPrefix("\(kind)/velero/") }.sorted() }

    func isUp(_ key: String) -> Bool {
        let workload = objects[key]
        return min(
            workload?["spec"]?["replicas"]?.integer ?? 1,
            workload?["status"]?["availableReplicas"]?.integer ?? 0)
            > 0
    }

    mutating func set(_ key: String, _ status: JSONValue) {
        guard let object = objects[key] else { return }
        if let phase = status["phase"]?.string, phase != object["status"]?["phase"]?.string {
            world.velero.phases.append("\(key.prefix { $0 != "/" }) \(phase)")
        }
        world.objects[cluster]?[key] = object.merging(["status": status])
    }

    // MARK: Store

    private var storeImage: String {
        objects["statefulset/velero/minio"]?["spec"]?["template"]?["spec"]?["containers"]?.array?.first?[
            "image"]?
            .string ?? ""
    }

    /// Of this host, as the store's pod sees it.
    private var storeFolder: FilePath? {
        let inside =
            objects["statefulset/velero/minio"]?["spec"]?["template"]?["spec"]?["volumes"]?.array?
            .compactMap { $0["hostPath"]?["path"]?.string }.first ?? ""
        let known = world.clusters.first { $0.name == cluster }
        return (known?.shared ?? []).first { $0.hasSuffix(":" + inside) }
            .map { FilePath(String($0.prefix { $0 != ":" })) }
    }

    var store: VeleroStore? {
        let bucket = objects[Self.location]?["spec"]?["objectStorage"]?["bucket"]?.string ?? ""
        guard isUp("statefulset/velero/minio"), let storeFolder, !bucket.isEmpty else { return nil }
        return VeleroStore(
            folder: storeFolder, bucket: bucket, isPlain: storeImage.contains("versitygw"), now: now)
    }

    private mutating func makeOwnFiles() {
        guard isUp("statefulset/velero/minio"), let storeFolder, storeImage.contains("minio") else { return }
        let format = storeFolder.appending(".minio.sys/format.json")
        do {
            try format.removingLastComponent().createFolder()
            try format.replaceContents(Array(#"{"version":"1","format":"xl-single"}"#.utf8))
        } catch {
            world.unexpected.append("the store cannot write \(format): \(error)")
        }
    }

    // MARK: Server

    private mutating func startServer() {
        world.velero.serverSince[cluster] = now
        world.velero.lastTick[cluster] = nil
        world.velero.validated[cluster] = nil
        for (kind, key) in keys("backup").map({ ("backup", $0) }) + keys("restore").map({ ("restore", $0) })
        where objects[key]?["status"]?["phase"] == "InProgress" {
            set(
                key,
                [
                    "phase": "Failed", "completionTimestamp": time,
                    "failureReason": .string(
                        "found a \(kind) with status \"InProgress\" during the server starting, mark it as \"Failed\""
                    ),
                ])
        }
    }

    /// When the location is new or changed, and else once a minute.
    private mutating func validate() {
        guard let location = objects[Self.location] else { return }
        let mark = "\(location["spec"] ?? .null)"
        let last = world.velero.validated[cluster]
        guard last?.mark != mark || now - (last?.at ?? 0) >= 60 else { return }
        world.velero.validated[cluster] = .init(mark: mark, at: now)
        // As the plugin says it.
        var trouble: String?
        if !isUp("statefulset/velero/minio") {
            trouble = "dial tcp: lookup minio.velero.svc: connect: connection refused"
        } else if store?.isThere != true {
            trouble = "NoSuchBucket: The specified bucket does not exist"
        } else if objects["secret/velero/cloud-credentials"]?["data"]?["cloud"] == nil {
            trouble = "NoCredentialProviders: no valid providers in chain"
        } else if let stranger = store?.strangers.first {
            trouble = "Backup store contains invalid top-level directories: [\(stranger)]"
        }
        set(
            Self.location,
            [
                "lastValidationTime": time, "phase": trouble == nil ? "Available" : "Unavailable",
                "message": .string(
                    trouble.map { "BackupStorageLocation \"default\" is unavailable: \($0)" } ?? ""),
            ])
    }

    var isAvailable: Bool { objects[Self.location]?["status"]?["phase"] == "Available" }
    var isReadOnly: Bool { objects[Self.location]?["spec"]?["accessMode"] == "ReadOnly" }

    private var collectsGarbage: Bool {
        let arguments =
            objects["deployment/velero/velero"]?["spec"]?["template"]?["spec"]?["containers"]?.array?
            .first?["args"]?.array ?? []
        return !arguments.contains { text in
            let halves = (text.string ?? "").split(separator: "=")
            return halves.first == "--disable-controllers"
                && halves.last?.split(separator: ",").contains("gc") == true
        }
    }

    /// One tick at the server's start, then one a minute; each only when the location is available at that moment.
    private mutating func sync() {
        if world.velero.neverSyncs { return }
        if let last = world.velero.lastTick[cluster], now - last < 60 { return }
        world.velero.lastTick[cluster] = now
        guard isAvailable, let store else { return }
        let stored = store.backups().filter { !world.velero.hides.contains($0) }
        for name in stored where objects["backup/velero/\(name)"] == nil {
            guard let backup = store.description(of: name), let phase = backup["status"]?["phase"]?.string,
                !phase.hasPrefix("Waiting"), !phase.hasPrefix("Finalizing")
            else { continue }
            let key = "backup/velero/\(name)"
            let synced = backup.merging([
                "metadata": ["namespace": "velero", "uid": .string("uid-of-\(key)-\(now)")],
                "spec": ["storageLocation": "default"],
            ])
            world.objects[cluster]?[key] = synced
            // What is created is looked at: that is when an expired one goes.
            if let expiration = backup["status"]?["expiration"]?.string.flatMap({ Moment($0) }),
                expiration.seconds < now, collectsGarbage, !isReadOnly
            {
                delete(name, store)
            }
        }
        for key in keys("backup") where !stored.contains(String(key.dropFirst("backup/velero/".count))) {
            if ["Completed", "PartiallyFailed"].contains(objects[key]?["status"]?["phase"]?.string ?? "") {
                world.objects[cluster]?[key] = nil
            }
        }
        set(Self.location, ["lastSyncedTime": time])
    }

    // MARK: Deletion

    private mutating func delete(_ name: String, _ store: VeleroStore) {
        do { try store.remove(name) } catch { world.unexpected.append("\(error)") }
        world.objects[cluster]?["backup/velero/\(name)"] = nil
        for key in keys("deletebackuprequest") where objects[key]?["spec"]?["backupName"]?.string == name {
            world.objects[cluster]?[key] = nil
        }
        for key in keys("restore") where objects[key]?["spec"]?["backupName"]?.string == name {
            world.objects[cluster]?[key] = nil
        }
    }

    private mutating func advanceDeletion(_ key: String) {
        let request = objects[key]
        let name = request?["spec"]?["backupName"]?.string ?? ""
        func processed(_ why: String) -> JSONValue { ["phase": "Processed", "errors": [.string(why)]] }
        switch request?["status"]?["phase"]?.string {
        case nil, "New": set(key, ["phase": "InProgress"])
        case "InProgress":
            guard let backup = objects["backup/velero/\(name)"] else {
                return set(key, processed("backup not found"))
            }
            if isReadOnly {
                return set(
                    key,
                    processed(
                        "cannot delete backup because backup storage location default is currently in read-only mode"
                    ))
            }
            guard isAvailable, let store else {
                return set(
                    key,
                    processed(
                        "cannot delete backup because backup storage location default is currently unavailable"
                    ))
            }
            if backup["status"]?["phase"] == "InProgress" {
                return set(key, processed("backup is still in progress"))
            }
            if !world.velero.deletionEnds.isEmpty {
                let end = world.velero.deletionEnds.removeFirst()
                if end == "stuck" {
                    world.velero.deletionEnds.append("stuck")
                    return
                }
                return set(key, processed(end))
            }
            delete(name, store)
        default: break
        }
    }
}
