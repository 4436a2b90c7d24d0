// SPDX-License-Identifier: Apache-2.0
import Kecs

/// A check of the machine, because the own checks of an unseen instance are not run: that must not look like a pass.
struct UnseenCheck: Check {
    let info = CheckInfo("state.unseen", .machine, .error, "every instance could be looked at in time")

    func run(_ look: Look) throws -> [Finding] {
        try look.site.instanceNames().filter { name in
            // An instance that cannot be read at all has its own finding.
            !look.all.contains { $0.name == name } && (try? look.site.instance(name)) != nil
        }.map { name in
            Finding(
                .error,
                "“\(name)” could not be examined within \(Doctor.limit.components.seconds) s: a file system hangs",
                remedy: "kecsctl status \(name)", instance: name.description)
        }
    }
}
