// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
public import SystemPackage

/// The images of an instance's containers in docker. Of a cluster those of its nodes: what runs in it has its images in the
/// nodes, not in docker.
public struct EngineImages: ImageEngine {
    let instance: Instance
    let machine: Machine
    private let docker: Docker

    /// - Returns: Nil for an instance that runs in no container.
    public init?(of instance: Instance, machine: Machine) {
        guard instance.config.runtime != .local else { return nil }
        self.instance = instance
        self.machine = machine
        docker = Docker(machine)
    }

    public func used() async throws -> [UsedImage] {
        try await docker.inspect(try await containers()).compactMap {
            $0.imageName.isEmpty ? nil : UsedImage(reference: $0.imageName, id: $0.image)
        }
    }

    private func containers() async throws -> [String] {
        switch instance.config.runtime {
        case .local: []
        case .docker: try await DockerRuntime(instance, machine: machine).containerIDs().sorted()
        case .compose: try await ComposeRuntime(instance, machine: machine).containerIDs().sorted()
        case .k3d: try await docker.containers(label: "\(K3dLabel.cluster)=kecs-\(instance.name)")
        }
    }

    public func id(of reference: String) async throws -> String? { try await docker.image(reference) }

    public func size(of id: String) async throws -> Int64? {
        try await docker.facts(ofImage: id)?["Size"]?.integer
    }

    public func save(_ image: UsedImage, to file: FilePath) async throws {
        // By its name, so that the archive has it; by its id when the name has moved on, or is the id.
        let name = try await docker.image(image.reference) == image.id ? image.reference : image.id
        try await work(["image", "save", "--output", file.string, name])
    }

    private func work(_ words: [String]) async throws {
        var call = ProcessCall("docker", words)
        // As for fetching one.
        call.limit = .seconds(1800)
        try await docker.check(try await docker.perform(call), words)
    }

    public func load(_ file: FilePath, as image: UsedImage) async throws {
        try await work(["image", "load", "--quiet", "--input", file.string])
        guard try await docker.image(image.reference) == nil else { return }
        try await work(["image", "tag", image.id, image.reference])
    }
}
