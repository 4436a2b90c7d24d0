// SPDX-License-Identifier: Apache-2.0
import Kecs
import Logging

extension Session {
    private var isDryRun: Bool { words.contains(where: ["--dry-run", "-n", "-ny", "-yn"].contains) }

    /// Removes the leftovers of a killed drill before anything else is done. A dry run leaves them.
    func sweepDrills() async {
        guard !isDryRun else { return }
        do {
            for sentence in try await SweepDrills(site: site).run(command: "kecsctl \(command)") {
                console.note(.notice, sentence)
            }
        } catch {
            let failure = Failure.describing(error)
            console.note(
                .warning,
                "what a killed drill left cannot be removed: \(failure.message)"
                    + (failure.cause.map { ": \($0)" } ?? ""))
        }
    }

    /// Finishes a killed rename before anything looks at the instance: it has the new name only in part. A dry run
    /// changes nothing, and reports what it finds.
    func finishRename() async {
        guard !isDryRun else { return }
        do {
            let schedules = InstallSchedule(site: site, program: ScheduleText.program(self))
            for sentence in try await FinishRename(site: site, schedules: schedules).run(
                command: "kecsctl \(command)")
            {
                console.note(.notice, sentence)
            }
        } catch {
            let failure = Failure.describing(error)
            console.note(
                .warning,
                "a renaming that was interrupted could not be finished: \(failure.message)"
                    + (failure.cause.map { ": \($0)" } ?? ""))
        }
    }
}
