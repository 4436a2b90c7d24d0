// SPDX-License-Identifier: Apache-2.0
public import SystemPackage
public import KecsSystem

/// The schedule of an instance: the times of its backups, the start at boot and the weekly drill.
public struct Schedule: Sendable, Hashable {
    public enum Time: Sendable, Hashable {
        case at(hour: Int, minute: Int)
        /// At this interval, counted from midnight; a divisor of an hour, or of a day in hours.
        case every(minutes: Int)
    }

    public let time: Time
    /// True when the instance is also started when the machine starts.
    public var startsAtBoot: Bool
    /// True when a restore is also rehearsed, each Sunday.
    public var drillsWeekly: Bool

    /// - Throws: `Failure(.usage)` for a time that a crontab cannot express exactly.
    public init(
        at text: String? = nil, every span: TimeSpan? = nil, startsAtBoot: Bool = false,
        drillsWeekly: Bool = false
    ) throws(Failure) {
        self.startsAtBoot = startsAtBoot
        self.drillsWeekly = drillsWeekly
        if let text {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard span == nil, parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
                let hour = Int(parts[0]), let minute = Int(parts[1]), (0..<24).contains(hour),
                (0..<60).contains(minute)
            else {
                throw Failure(
                    .usage, "“\(text)” is no time of the day", cause: "it must be HH:MM, from 00:00 to 23:59",
                    remedy: "kecsctl schedule install dev --at 02:00")
            }
            time = .at(hour: hour, minute: minute)
            return
        }
        guard let span else {
            time = .at(hour: 2, minute: 0)
            return
        }
        let minutes = span.seconds / 60
        guard span.milliseconds % 60_000 == 0, minutes >= 5,
            minutes < 60 ? 60 % minutes == 0 : minutes % 60 == 0 && 1440 % minutes == 0
        else {
            throw Failure(
                .usage, "backups every \(span) cannot be scheduled",
                cause:
                    "it must divide an hour (5m, 10m, 15m, 20m, 30m) or a day (1h, 2h, 3h, 4h, 6h, 8h, 12h, 24h)",
                remedy: "kecsctl schedule install dev --every 6h")
        }
        time = minutes == 1440 ? .at(hour: 2, minute: 0) : .every(minutes: Int(minutes))
    }

    /// The time between two backups.
    var period: Duration {
        switch time {
        case .at: .seconds(86_400)
        case .every(let minutes): .seconds(minutes * 60)
        }
    }
}

/// The program and the home that a schedule is for. A schedule runs with neither PATH nor working directory.
public struct ScheduledProgram: Sendable, Hashable {
    /// The absolute path.
    public var executable: String
    public var home: Home
    /// The PATH with docker and the other programs.
    public var path: String
    /// The default home of this user's instances: `~/.kecs`.
    public var usualHome: FilePath?

    public init(executable: String, home: Home, path: String?, usualHome: FilePath? = nil) {
        self.executable = executable
        self.home = home
        self.usualHome = usualHome
        let folders = (path ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        self.path = (folders.isEmpty ? ["/usr/local/bin", "/usr/bin", "/bin"] : folders).joined(
            separator: ":")
    }

    func backup(_ name: InstanceName) -> [String] {
        [
            executable, "backup", name.description, "--scheduled", "--home", home.path.string, "--quiet",
            "--wait-lock", "10m",
        ]
    }

    func drill(_ name: InstanceName) -> [String] {
        [executable, "backups", "drill", name.description, "--home", home.path.string, "--quiet"]
    }

    func start(_ name: InstanceName) -> [String] {
        [executable, "start", name.description, "--home", home.path.string, "--quiet", "--wait-lock", "10m"]
    }
}
