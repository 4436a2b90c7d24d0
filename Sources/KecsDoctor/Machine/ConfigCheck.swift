// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// A check of the machine, because an instance with a broken configuration cannot be checked itself.
struct ConfigCheck: Check {
    let info = CheckInfo("config.readable", .machine, .error, "every instance's configuration can be read")

    func run(_ look: Look) throws -> [Finding] {
        var findings: [Finding] = []
        for name in try look.site.instanceNames() {
            do { _ = try look.site.instance(name) } catch {
                let failure = Failure.describing(error)
                findings.append(
                    Finding(
                        .error, failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                        remedy: failure.remedy,
                        instance: name.description))
            }
        }
        return findings
    }
}
