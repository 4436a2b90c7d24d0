// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsRuntimes
import KecsSystem

extension Wiring {
    /// All checks, to list them, not to run them.
    static var allChecks: [any Check] { HostChecks.all + RuntimeChecks.all() }

    /// Returns the doctor after docker and the scripts have been examined. An engine that takes calls and never answers
    /// is not asked again, by no check and for no instance's state.
    static func doctor(_ site: Site) async -> Doctor {
        let (checks, engine) = await RuntimeChecks.looking(at: site)
        var patient = site
        if engine.isSilent, case .unknown(let why) = engine.server {
            var machine = site.machine
            machine.processes = SilencedPrograms(machine.processes, why: why)
            patient = Wiring.site(machine, site.home)
        }
        return Doctor(site: patient, checks: HostChecks.all + checks)
    }
}
