// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
import SystemPackage

/// What a project's file says at the first start, and what of it is recorded.
extension ComposeRuntime {
    public func prepare() async throws -> [SettingKey: JSONValue] {
        let all = try await containers()
        let compose = try await compose(for: all)
        if let missing = try compose.given.files.first(where: { try !$0.isPresent }) {
            throw Failure(
                .usage, "there is no compose file \(missing)",
                remedy: "kecsctl start \(instance.name) --runtime compose --compose-file docker-compose.yml")
        }
        let config = try await compose.config()
        let control = try controlPlane(of: config)
        let profiles = profiles(inUse: all, config)
        for port in config.active(profiles).flatMap(\.ports) where !all.contains(where: \.isUp) {
            try DockerPorts.check(port.published, address: port.address, of: instance)
        }
        var found: [SettingKey: JSONValue] = [
            .composeProject: .string(config.name), .composeService: .string(control.name),
            .composeFile: .string(ComposeFiles.text(compose.given.files)),
        ]
        if !profiles.isEmpty { found[.composeProfiles] = .string(profiles.joined(separator: ",")) }
        for (key, target) in [(SettingKey.apiPort, DockerSpec.apiPort), (.adminPort, DockerSpec.adminPort)] {
            guard let port = control.ports.first(where: { $0.target == target }) else { continue }
            found[key] = .integer(Int64(port.published))
        }
        if let folder = dataFolder(control) { found[.dataDir] = .string(folder.string) }
        return found
    }

    func controlPlane(of config: ComposeProject) throws(Failure) -> ComposeProject.Service {
        let names = config.services.map(\.name)
        let wanted = service ?? (names.count == 1 ? names[0] : "kecs")
        guard let found = config.services.first(where: { $0.name == wanted }) else {
            throw Failure(
                .usage,
                service == nil
                    ? "it is not clear which service is the control plane"
                    : "the compose file has no service “\(wanted)”",
                cause:
                    "\(ComposeFiles.text(given.files)) has \(names.isEmpty ? "no service" : names.joined(separator: ", "))",
                remedy:
                    "kecsctl start \(instance.name) --runtime compose --compose-file \(given.files.first ?? "FILE") --service \(names.first ?? "NAME")"
            )
        }
        return found
    }

    /// Where the control plane's data lies on this host; nil when it is in a volume.
    func dataFolder(_ service: ComposeProject.Service) -> FilePath? {
        let inside = DockerMounts.dataFolder(of: service.environment)
        for mount in service.mounts where inside == mount.target || inside.hasPrefix(mount.target + "/") {
            guard case .folder(let folder) = mount.source else { continue }
            return folder.appending(
                FilePath(String(inside.dropFirst(mount.target.count).drop { $0 == "/" })).components)
        }
        return nil
    }
}
