// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsStorage
import KecsSystem
import SystemPackage

/// What MinIO and Velero do in a cluster between two questions: the store makes its own files once it runs, and Velero looks
/// at the bucket that its location names.
struct VeleroControllers {
    let cluster: String

    func work(_ world: inout World) {
        guard let objects = world.objects[cluster] else { return }
        let folder = storeFolder(objects, world)
        if isUp(objects["statefulset/velero/minio"]), let folder {
            let format = folder.appending(".minio.sys/format.json")
            let image =
                objects["statefulset/velero/minio"]?["spec"]?["template"]?["spec"]?["containers"]?.array?
                .first?["image"]?.string ?? ""
            if image.contains("minio") {
                do {
                    try format.removingLastComponent().createFolder()
                    try format.replaceContents(Array(#"{"version":"1","format":"xl-single"}"#.utf8))
                } catch {
                    world.unexpected.append("the store cannot write \(format): \(error)")
                }
            }
        }
        let key = "backupstoragelocation/velero/default"
        guard isUp(objects["deployment/velero/velero"]), case .object(var location)? = objects[key] else {
            return
        }
        let bucket = location["spec"]?["objectStorage"]?["bucket"]?.string ?? ""
        var status: [String: JSONValue] = ["lastValidationTime": "2026-11-29T00:00:00Z"]
        // As the plugin says it.
        var trouble: String?
        if !isUp(objects["statefulset/velero/minio"]) {
            trouble = "dial tcp: lookup minio.velero.svc: connect: connection refused"
        } else if (try? folder?.appending(bucket).isFolder) != true {
            trouble = "NoSuchBucket: The specified bucket does not exist"
        } else if objects["secret/velero/cloud-credentials"]?["data"]?["cloud"] == nil {
            trouble = "NoCredentialProviders: no valid providers in chain"
        }
        status["phase"] = trouble == nil ? "Available" : "Unavailable"
        if let trouble {
            status["message"] = .string("BackupStorageLocation \"default\" is unavailable: \(trouble)")
        }
        location["status"] = .object(status)
        world.objects[cluster]?[key] = .object(location)
    }

    private func isUp(_ workload: JSONValue?) -> Bool {
        (workload?["status"]?["availableReplicas"]?.integer ?? 0) > 0
    }

    /// Of this host, as the store's pod sees it.
    private func storeFolder(_ objects: World.Objects, _ world: World) -> FilePath? {
        let inside =
            objects["statefulset/velero/minio"]?["spec"]?["template"]?["spec"]?["volumes"]?.array?
            .compactMap { $0["hostPath"]?["path"]?.string }.first ?? ""
        let known = world.clusters.first { $0.name == cluster }
        return (known?.shared ?? []).first { $0.hasSuffix(":" + inside) }
            .map { FilePath(String($0.prefix { $0 != ":" })) }
    }
}
