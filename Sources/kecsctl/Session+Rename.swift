// SPDX-License-Identifier: Apache-2.0
import Kecs
import Logging

extension Session {
    private var isDryRun: Bool { words.contains(where: ["--dry-run", "-n", "-ny", "-yn"].contains) }

    /// What a killed drill left goes before anything else is done. A dry run leaves it.
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

    /// An instance whose renaming was killed has one name half the way: before anything looks at it, that is finished. A dry
    /// run changes nothing, and says what it finds.
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
