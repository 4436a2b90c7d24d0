// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
import SystemPackage

extension OwnCluster {
    /// Creates the instance's own cluster, with its data mounted into it and its ports mapped.
    init(main instance: Instance, machine: Machine) throws {
        try self.init(instance, machine: machine, named: "kecs-\(instance.name)")
        let data = try instance.dataFolder()
        for folder in [data, instance.folder.path] {
            // SRC:DST@FILTER: docker and k3d split a mount at these characters.
            guard folder.isAbsolute, !folder.string.contains(where: { ":@,".contains($0) }) else {
                throw Failure(
                    .usage, "the folder \(folder) of “\(instance.name)” cannot be bound into a cluster",
                    cause: "it must be an absolute path without “:”, “@” and “,”",
                    remedy: instance.whereSettingsComeFrom)
            }
        }
        let api = try instance.settings.number(.apiPort) ?? 5373
        let admin = try instance.settings.number(.adminPort) ?? 5374
        let nodePorts = NodePort.pair(api: api, admin: admin)
        folders = [data, instance.folder.objectStore]
        let velero = try VeleroSetup.of(instance)
        store = velero?.mount
        sharesMounts = velero?.hasVolumes == true
        ports = [.init(host: api, node: nodePorts.api), .init(host: admin, node: nodePorts.admin)]
        components = try Component.chosen(
            instance.settings.text(.components),
            image: instance.settings.text(.image) ?? K3dRuntime.defaultImage, instance: "\(instance.name)")
        if components.contains(.traefik) { ingress = Ingress.both }
        image = try instance.settings.text(.k3sImage) ?? OwnCluster.defaultImage
        agents = try instance.settings.number(.agents) ?? 0
        k3sState = try K3sState.of(instance, machine: machine, cluster: name, image: image)
    }
}
