// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

/// The rules that decide which backups are kept. A backup stays when any rule keeps it.
struct RetentionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Keep the N newest backups.", valueName: "count"))
    var keep: Int?

    @Option(help: ArgumentHelp("Keep every backup younger than this.", valueName: "7d"))
    var keepWithin: TimeSpan?

    @Option(help: ArgumentHelp("Keep the last backup of each of N days.", valueName: "days"))
    var keepDaily: Int?

    @Option(help: ArgumentHelp("Keep the last backup of each of N weeks.", valueName: "weeks"))
    var keepWeekly: Int?

    @Option(help: ArgumentHelp("Keep the last backup of each of N months.", valueName: "months"))
    var keepMonthly: Int?

    func validate() throws {
        let counts: [(SettingKey, Int?)] = [
            (.keep, keep), (.keepDaily, keepDaily), (.keepWeekly, keepWeekly), (.keepMonthly, keepMonthly),
        ]
        for case (let key, let count?) in counts where key.parse(String(count)) == nil {
            throw ValidationError("“\(count)” is no value for --\(key.flag): it must be \(key.expected)")
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

extension SettingKey {
    /// "keepDaily" is `--keep-daily`.
    var flag: String {
        rawValue.reduce(into: "") { text, character in
            if character.isUppercase { text.append("-") }
            text += character.lowercased()
        }
    }
}
