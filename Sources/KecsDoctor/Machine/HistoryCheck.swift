// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct HistoryCheck: Check {
    let info = CheckInfo("history.readable", .machine, .info, "every line of the history can be read")

    func run(_ look: Look) throws -> [Finding] {
        let broken = try look.surroundings.history.get().brokenLines
        guard broken > 0 else { return [] }
        return [
            Finding(
                .info, "\(broken) lines of \(look.site.home.history) cannot be read",
                ["lines": .integer(Int64(broken))], remedy: "tail -n 5 \(look.site.home.history)")
        ]
    }
}
