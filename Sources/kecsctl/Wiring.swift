// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsRuntimes
import KecsSystem

/// The place where the real implementations are chosen.
enum Wiring {
    static let tool = Manifest.Tool(name: "kecsctl", version: Version.number)

    static func site(_ machine: Machine, _ home: Home) -> Site {
        var site = Site(machine: machine, home: home, tool: tool) { instance in
            try runtime(instance, machine)
        }
        site.ground = { RecoverGround($0, machine: machine.placed(for: $0)) }
        site.images = { EngineImages(of: $0, machine: machine.placed(for: $0)) }
        return site
    }

    private static func runtime(_ instance: Instance, _ given: Machine) throws -> any Runtime {
        let machine = given.placed(for: instance)
        switch instance.config.runtime {
        case .local: return try LocalRuntime(instance, machine: machine)
        case .docker: return try DockerRuntime(instance, machine: machine)
        case .compose: return try ComposeRuntime(instance, machine: machine)
        case .k3d: return try K3dRuntime(instance, machine: machine)
        }
    }
}
