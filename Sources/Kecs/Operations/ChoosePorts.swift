// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Finds ports for a new instance that no other instance has and on which no process listens.
struct ChoosePorts: Sendable {
    let site: Site

    /// Returns free ports: the first of the kind, or the next in steps of ten, as upstream counts. Call it under the home's lock, so that two new instances do not choose the same.
    func run(for kind: RuntimeKind) throws -> (api: Int, admin: Int) {
        var taken: Set<Int> = []
        for name in try site.instanceNames() {
            guard let instance = try site.soundInstance(name) else { continue }
            for key in SettingKey.ports {
                if let port = try instance.settings.number(key) { taken.insert(port) }
            }
        }
        var (api, admin) = kind.firstPorts
        while api < 65_000 {
            let candidates = [api, admin]
            if !candidates.contains(where: taken.contains),
                try candidates.allSatisfy({ try Ports.isFree(UInt16($0)) })
            {
                return (api, admin)
            }
            api += 10
            admin += 10
        }
        throw Failure(
            .failed, "there is no free port for a new instance",
            remedy: Remedy.again(with: "--api-port", "18080", "--admin-port", "18081") ?? "ss -ltn")
    }
}
