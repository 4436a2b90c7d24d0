// SPDX-License-Identifier: Apache-2.0
import Kecs
import Logging

extension Session {
    /// An instance whose renaming was killed has one name half the way: before anything looks at it, that is finished. A dry
    /// run changes nothing, and says what it finds.
    func finishRename() async {
        guard !words.contains(where: ["--dry-run", "-n", "-ny", "-yn"].contains) else { return }
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
