// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

/// Which backups are kept; a backup stays when any rule keeps it.
struct RetentionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The newest so many.", valueName: "count"))
    var keep: Int?

    @Option(help: ArgumentHelp("All that are younger.", valueName: "7d"))
    var keepWithin: TimeSpan?

    @Option(help: ArgumentHelp("The last one of each of so many days.", valueName: "days"))
    var keepDaily: Int?

    @Option(help: ArgumentHelp("The last one of each of so many weeks.", valueName: "weeks"))
    var keepWeekly: Int?

    @Option(help: ArgumentHelp("The last one of each of so many months.", valueName: "months"))
    var keepMonthly: Int?

    func validate() throws {
        for count in [keep, keepDaily, keepWeekly, keepMonthly] where (count ?? 0) < 0 {
            throw ValidationError("a number of backups to keep cannot be negative")
        }
    }

    var settings: [SettingKey: String] {
        var settings: [SettingKey: String] = [:]
        settings[.keep] = keep.map(String.init)
        settings[.keepWithin] = keepWithin?.description
        settings[.keepDaily] = keepDaily.map(String.init)
        settings[.keepWeekly] = keepWeekly.map(String.init)
        settings[.keepMonthly] = keepMonthly.map(String.init)
        return settings
    }
}
