// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero
import SystemPackage

/// The settings of an instance for Velero in its cluster.
struct VeleroSetup: Sendable {
    let instance: Instance
    let flavour: ObjectStoreFlavour
    let images: VeleroImages
    let rights: VeleroManifests.Rights
    let hasVolumes: Bool
    /// The limit of Velero's memory; nil for the one of the manifests.
    let memory: ByteCount?

    /// The request of Velero's pod: a limit below it is refused.
    static let leastMemory: Int64 = 128 << 20

    /// Reads the settings, regardless of whether Velero is switched on.
    init(_ instance: Instance) throws {
        let settings = instance.settings
        self.instance = instance
        flavour = try settings.text(.objectStore).flatMap(ObjectStoreFlavour.init) ?? .minio
        var images = VeleroImages(flavour)
        if let image = try settings.text(.objectStoreImage) { images.store = image }
        if let image = try settings.text(.veleroImage) { images.server = image }
        if let image = try settings.text(.veleroPluginImage) { images.plugin = image }
        self.images = images
        rights = try settings.text(.veleroRights).flatMap(VeleroManifests.Rights.init) ?? .scoped
        hasVolumes = try settings.flag(.veleroVolumes)
        memory = try settings.size(.veleroMemory)
    }

    /// Returns the setup; nil when Velero is switched off.
    static func of(_ instance: Instance) throws -> VeleroSetup? {
        try instance.settings.flag(.veleroBackup) ? VeleroSetup(instance) : nil
    }

    /// Returns the guide's mount: the object store's folder of this host, in every node.
    static func mount(of instance: Instance) -> K3dCreate.Mount {
        K3dCreate.Mount(
            host: instance.folder.objectStore, inside: VeleroManifests.folder(of: "\(instance.name)"))
    }

    var mount: K3dCreate.Mount { Self.mount(of: instance) }

    /// Returns the objects. The store runs as the owner of its folder, so that this user can read and remove its files.
    func manifests() throws -> VeleroManifests {
        if let memory, memory.bytes < Self.leastMemory {
            throw Failure(
                .usage, "\(memory) are too little memory for Velero (veleroMemory)",
                cause: "its pod asks for \(ByteCount(Self.leastMemory)) already",
                remedy: "kecsctl config set veleroMemory 1GiB --instance \(instance.name)")
        }
        let status = try FileStatus.of(instance.folder.objectStore)
        var manifests = VeleroManifests(
            storeFolder: mount.inside,
            owner: (status?.owner ?? Machine.userID, status?.group ?? Machine.groupID), flavour: flavour,
            images: images, rights: rights, hasVolumes: hasVolumes)
        if let memory { manifests.memory = "\(memory.bytes)" }
        return manifests
    }
}
