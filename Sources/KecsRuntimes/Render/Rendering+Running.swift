// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem

/// Finds the running containers, for the forms that show how to run them again.
extension Rendering {
    /// Creates the rendering with the instance's containers. Without any, with those that its settings would make.
    ///
    /// - Throws: `Failure` when the engine does not answer: containers that do not run now must not be invented.
    public static func ofWhatRuns(_ instance: Instance, site: Site) async throws -> Rendering {
        var rendering = try Rendering(instance, site: site)
        let docker = Docker(site.machine)
        var containers: [DockerContainer] = []
        switch instance.config.runtime {
        case .docker:
            containers = try await DockerRuntime(instance, machine: site.machine).find().map { [$0] } ?? []
        case .compose:
            let runtime = try ComposeRuntime(instance, machine: site.machine)
            containers = try await runtime.containers()
            rendering.order = await runtime.order(containers)
            rendering.hasComposePlugin = try await runtime.hasPlugin()
        case .local, .k3d: return rendering
        }
        for container in containers {
            let index = rendering.running.firstIndex { $0.name == container.serviceName }
            if let index, !container.serviceName.isEmpty {
                rendering.running[index].count += 1
                continue
            }
            guard let facts = try await docker.facts(ofContainer: container.id) else { continue }
            var service = RunningService(
                facts, image: try await docker.facts(ofImage: container.image),
                tagged: try await docker.image(container.imageName))
            service.dependsOn =
                rendering.order?.dependencies(of: service.name)
                .filter { dependency in containers.contains { $0.serviceName == dependency.service } } ?? []
            rendering.running.append(service)
            for network in service.networks.keys where rendering.networks[network] == nil {
                rendering.networks[network] = try await docker.labels(ofNetwork: network)
            }
        }
        rendering.running.sort { $0.name < $1.name }
        return rendering
    }

    var runningCompose: String {
        let project = running.lazy.compactMap(\.project).first
        let text = ComposeText(
            project: hasComposePlugin ? project : nil, services: running, networks: networks)
        let flag = project.map { hasComposePlugin ? "" : " -p \($0)" } ?? ""
        return text.text(
            heading: """
                The instance \(name) as it runs now. Written by “kecsctl render compose \(name)”; start it with
                docker compose\(flag) -f FILE up --detach
                """)
    }

    var runningDocker: String {
        var lines = [
            "#!/bin/sh",
            "# Runs the instance \(name) as it runs now. Written by “kecsctl render docker \(name)”.",
            "set -eu",
        ]
        for secret in Set(running.flatMap(\.variables).filter(\.isSecret).map(\.name)).sorted() {
            lines.append(": \"${\(secret):?set \(secret)}\"")
        }
        for service in running { lines.append(ShellWords.quote(service.dockerWords)) }
        return lines.joined(separator: "\n") + "\n"
    }
}
