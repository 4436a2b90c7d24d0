// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Finds ports for a new instance that no other instance has and on which no process listens.
struct ChoosePorts: Sendable {
    let site: Site

    /// KECS's own defaults (`kecs start`); in containers those of the container-mode guide. The next ports follow in
    /// steps of ten, as upstream counts.
    static func defaults(for kind: RuntimeKind) -> (api: Int, admin: Int) {
        switch kind {
        case .k3d, .local: (5373, 5374)
        case .docker, .compose: (8080, 8081)
        }
    }

    /// Returns free ports. Call it under the home's lock, so that two new instances do not choose the same.
    func run(for kind: RuntimeKind) throws -> (api: Int, admin: Int) {
        var taken: Set<Int> = []
        for name in try site.instanceNames() {
            guard let instance = try site.soundInstance(name) else { continue }
            for key in SettingKey.ports {
                if let port = try instance.settings.number(key) { taken.insert(port) }
            }
        }
        var (api, admin) = Self.defaults(for: kind)
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
