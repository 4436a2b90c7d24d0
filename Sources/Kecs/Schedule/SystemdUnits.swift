// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The unit files of a schedule: `kecsctl-backup@NAME.service` and `.timer`, `kecsctl-start@NAME.service` for the boot,
/// and `kecsctl-drill@NAME.service` and `.timer`. An instance of another home than the user's own has `NAME:DIGEST`, of
/// the home's path. No name of an instance holds `@` or `:`, so that no two instances' units can have one name.
public struct SystemdUnits: Sendable, Hashable {
    /// The contents by file name.
    public let files: [String: String]
    /// The units that have to be enabled.
    public let enabled: [String]

    static let drillPrefix = "kecsctl-drill@"

    public static func names(_ name: InstanceName, _ program: ScheduledProgram) -> [String] {
        let home = program.home.path.lexicallyNormalized()
        let mark = home == program.usualHome ? "" : ":" + sha256(home.bytes).prefix(12)
        return [
            "kecsctl-backup@\(name)\(mark).service", "kecsctl-backup@\(name)\(mark).timer",
            "kecsctl-start@\(name)\(mark).service", "\(drillPrefix)\(name)\(mark).service",
            "\(drillPrefix)\(name)\(mark).timer",
        ]
    }

    /// Returns the names in versions before 0.2. `kecsctl-backup-x.service` was the unit of two instances, so that its
    /// content decides which one it belongs to.
    static func formerNames(_ name: InstanceName) -> [String] {
        ["kecsctl-backup-\(name).service", "kecsctl-backup-\(name).timer", "kecsctl-\(name).service"]
    }

    public init(_ schedule: Schedule, _ name: InstanceName, _ program: ScheduledProgram, isUser: Bool) {
        let names = Self.names(name, program)
        let calendar =
            switch schedule.time {
            case .at(let hour, let minute): "*-*-* \(Self.two(hour)):\(Self.two(minute)):00"
            case .every(let minutes) where minutes < 60: "*-*-* *:0/\(minutes):00"
            case .every(let minutes): "*-*-* 0/\(minutes / 60):00:00"
            }
        let delay = min(600, schedule.period.components.seconds / 10)
        let common = """
            Environment=\(Self.quote("PATH=" + program.path))
            WorkingDirectory=/
            UMask=0077
            Nice=10
            IOSchedulingClass=idle
            """
        var files = [
            names[0]: """
            # Written by kecsctl; “kecsctl schedule remove \(name)” takes it away.
            [Unit]
            Description=Back up the KECS instance \(name)
            Documentation=man:kecsctl-backup(1)

            [Service]
            Type=oneshot
            ExecStart=\(Self.command(program.backup(name)))
            \(common)
            TimeoutStartSec=6h

            """,
            names[1]: """
            # Written by kecsctl; “kecsctl schedule remove \(name)” takes it away.
            [Unit]
            Description=Back up the KECS instance \(name) regularly

            [Timer]
            OnCalendar=\(calendar)
            RandomizedDelaySec=\(delay)
            Persistent=true

            [Install]
            WantedBy=timers.target

            """,
        ]
        var enabled = [names[1]]
        if schedule.startsAtBoot {
            // A user's manager knows neither the network nor docker.
            let after =
                isUser ? "" : "After=network-online.target docker.service\nWants=network-online.target\n"
            files[names[2]] = """
                # Written by kecsctl; “kecsctl schedule remove \(name)” takes it away.
                [Unit]
                Description=Start the KECS instance \(name)
                Documentation=man:kecsctl-start(1)
                \(after)
                [Service]
                Type=oneshot
                RemainAfterExit=yes
                ExecStart=\(Self.command(program.start(name)))
                Environment=\(Self.quote("PATH=" + program.path))
                WorkingDirectory=/
                KillMode=process
                TimeoutStartSec=15min

                [Install]
                WantedBy=\(isUser ? "default.target" : "multi-user.target")

                """
            enabled.append(names[2])
        }
        if schedule.drillsWeekly {
            files[names[3]] = """
                # Written by kecsctl; “kecsctl schedule remove \(name)” takes it away.
                [Unit]
                Description=Rehearse a restore of the KECS instance \(name)
                Documentation=man:kecsctl-backups-drill(1)

                [Service]
                Type=oneshot
                ExecStart=\(Self.command(program.drill(name)))
                \(common)
                TimeoutStartSec=12h

                """
            files[names[4]] = """
                # Written by kecsctl; “kecsctl schedule remove \(name)” takes it away.
                [Unit]
                Description=Rehearse a restore of the KECS instance \(name) each week

                [Timer]
                OnCalendar=Sun *-*-* 05:00:00
                RandomizedDelaySec=3600
                Persistent=true

                [Install]
                WantedBy=timers.target

                """
            enabled.append(names[4])
        }
        self.files = files
        self.enabled = enabled
    }

    /// systemd.service(5), “Command lines”: quotes and backslashes as in C, `%` and `$` doubled.
    static func command(_ words: [String]) -> String {
        words.map {
            quote($0).split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
        }
        .joined(separator: " ")
    }

    private static func quote(_ word: String) -> String {
        var text = ""
        for character in word {
            switch character {
            case "\\", "\"": text += "\\" + String(character)
            case "%": text += "%%"
            case "\n": text += "\\n"
            default: text.append(character)
            }
        }
        let isPlain =
            text == word && !word.isEmpty
            && !word.contains { $0 == " " || $0 == "'" || $0 == ";" || $0 == "\t" }
        return isPlain ? word : "\"\(text)\""
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
