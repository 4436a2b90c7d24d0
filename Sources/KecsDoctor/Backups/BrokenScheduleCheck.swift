// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct BrokenScheduleCheck: Check {
    let info = CheckInfo("schedule.broken", .machine, .error, "the program of every schedule exists")

    func run(_ look: Look) throws -> [Finding] {
        try ScheduledCommand.all(in: look.surroundings).compactMap { command in
            guard command.program.hasPrefix("/"), try !FilePath(command.program).resolved().isPresent else {
                return nil
            }
            return Finding(
                .error, "\(command.place) calls \(command.program), which is not there",
                ["line": .string(command.line)], remedy: "command -v kecsctl")
        }
    }
}
