// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsRuntimes
import KecsSystem

extension Wiring {
    /// To be listed, not asked.
    static var allChecks: [any Check] { HostChecks.all + RuntimeChecks.all() }

    /// To be asked: docker and the scripts around have been looked at.
    static func checks(_ site: Site) async -> [any Check] {
        HostChecks.all + (await RuntimeChecks.looking(at: site))
    }
}
