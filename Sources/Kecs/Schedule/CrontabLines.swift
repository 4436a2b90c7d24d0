// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension Schedule {
    /// Lines for a crontab, without mark.
    public func crontabLines(_ name: InstanceName, _ program: ScheduledProgram) -> [String] {
        func line(_ when: String, _ words: [String]) -> String {
            let command = "PATH=" + ShellWords.quote([program.path]) + " " + ShellWords.quote(words)
            // cron turns a bare % into the end of the command (crontab(5)).
            return when + " "
                + command.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "\\%")
        }
        let when: String
        switch time {
        case .at(let hour, let minute): when = "\(minute) \(hour) * * *"
        case .every(let minutes):
            // Not all instances of a machine at the same minute.
            let offset = Self.offset(of: name, within: min(minutes, 60))
            if minutes < 60 {
                let all = stride(from: offset % minutes, to: 60, by: minutes).map(String.init).joined(
                    separator: ",")
                when = "\(all) * * * *"
            } else {
                when = minutes == 60 ? "\(offset) * * * *" : "\(offset) */\(minutes / 60) * * *"
            }
        }
        var lines = [line(when, program.backup(name))]
        if drillsWeekly {
            lines.append(line("\(Self.offset(of: name, within: 60)) 5 * * 0", program.drill(name)))
        }
        if startsAtBoot { lines.append(line("@reboot", program.start(name))) }
        return lines
    }

    /// Returns the offset, the same for a name on every machine (FNV-1a).
    static func offset(of name: InstanceName, within minutes: Int) -> Int {
        let hash = name.description.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return Int(hash % UInt32(minutes))
    }
}
