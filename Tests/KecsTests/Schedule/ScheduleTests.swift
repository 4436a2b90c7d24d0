// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct ScheduleTests {
    private func name(_ text: String = "dev") throws -> InstanceName { try #require(InstanceName(text)) }

    private let program = ScheduledProgram(
        executable: "/opt/k c/kecsctl", home: Home("/home/u/100%/.kecs"), path: "/usr/local/bin:/usr/bin:.",
        usualHome: "/home/u/100%/.kecs")

    @Test func `times that a crontab can say, and times that it cannot`() throws {
        #expect(try Schedule(at: "02:30").time == .at(hour: 2, minute: 30))
        #expect(try Schedule(every: TimeSpan("6h")).time == .every(minutes: 360))
        #expect(try Schedule(every: TimeSpan("24h")).time == .at(hour: 2, minute: 0))
        #expect(try Schedule().time == .at(hour: 2, minute: 0))
        for text in ["24:00", "2", "02:60", "a:b", "-1:00", "02:00:00"] {
            #expect(throws: Failure.self) { try Schedule(at: text) }
        }
        for text in ["7m", "5h", "48h", "1m", "90m"] {
            #expect(throws: Failure.self) { try Schedule(every: TimeSpan(text)) }
        }
    }

    @Test func `a line says everything by itself, and no per cent sign ends it early`() throws {
        let schedule = try Schedule(at: "02:05", startsAtBoot: true)
        let lines = schedule.crontabLines(try name(), program)
        #expect(lines.count == 2)
        #expect(
            lines[0]
                == "5 2 * * * PATH=/usr/local/bin:/usr/bin '/opt/k c/kecsctl' backup dev --scheduled --home /home/u/100\\%/.kecs --quiet --wait-lock 10m"
        )
        #expect(lines[1].hasPrefix("@reboot PATH=/usr/local/bin:/usr/bin '/opt/k c/kecsctl' start dev"))
        #expect(
            try Schedule(every: TimeSpan("6h")).crontabLines(try name(), program)[0].contains(" */6 * * * "))
    }

    @Test func `lines of others survive byte for byte, whatever they hold`() throws {
        let foreign =
            Array("# mine\nMAILTO=x\n\n*/5 * * * * echo \u{E4} # kecsctl:developer\n".utf8) + [0xFF, 0x0A]
            + Array("no newline at the end".utf8)
        var crontab = Crontab(foreign)
        crontab.setLines(["a", "b"], of: try name(), in: program.home)
        #expect(crontab.bytes.starts(with: foreign))
        #expect(crontab.lines(of: try name(), in: program.home) == ["a", "b"])
        let once = crontab
        crontab.setLines(["a", "b"], of: try name(), in: program.home)
        #expect(crontab == once)
        crontab.setLines(["c"], of: try name("other"), in: program.home)
        crontab.setLines(["x"], of: try name(), in: program.home)
        #expect(crontab.lines(of: try name(), in: program.home) == ["x"])
        #expect(crontab.lines(of: try name("other"), in: program.home) == ["c"])
        crontab.setLines([], of: try name(), in: program.home)
        crontab.setLines([], of: try name("other"), in: program.home)
        // A last line without its end gets one: cron would not run it otherwise.
        #expect(crontab.bytes == foreign + [0x0A])
    }

    @Test func `a crontab that cannot be read is not written`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add(
                "crontab",
                "if [ \"$1\" = -l ]; then echo 'crontab: cannot open' >&2; exit 1; fi; echo written >\"$FAKES/written\""
            )
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            await #expect(throws: Failure.self) { try await Crontab.load(machine) }
            try home.tools.add("crontab", "echo 'no crontab for u' >&2; exit 1")
            #expect(try await Crontab.load(machine).bytes == [])
        }
    }

    @Test func `installing twice is installing once, and removing leaves what was there`() async throws {
        try await CheckScene.with { scene in
            try scene.home.tools.add(
                "crontab",
                "if [ \"$1\" = -l ]; then [ -f \"$FAKES/tab\" ] && exec cat \"$FAKES/tab\"; echo 'no crontab for u' >&2; exit 1; fi; [ \"$1\" = -r ] && exec rm \"$FAKES/tab\"; cat >\"$FAKES/tab\""
            )
            let tab = scene.home.tools.folder.appending("tab")
            let foreign = Array("1 1 * * * true\n".utf8)
            try tab.replaceContents(foreign)
            scene.site.machine.processes = SystemProcesses(
                environment: scene.home.environment, cancellation: Cancellation())
            let install = InstallSchedule(site: scene.site, program: program)
            let schedule = try Schedule(at: "02:00")
            #expect(
                try await install.install(scene.name, schedule, by: .cron, dryRun: true).outcome == .planned)
            #expect(try tab.contents() == foreign)
            #expect(try await install.install(scene.name, schedule, by: .cron).outcome == .done)
            let once = try tab.contents()
            #expect(try await install.install(scene.name, schedule, by: .cron).outcome == .already)
            #expect(try tab.contents() == once)
            #expect(try await install.show(scene.name).lines.count == 1)
            #expect(try await install.remove(scene.name).outcome == .done)
            #expect(try tab.contents() == foreign)
            #expect(try await install.remove(scene.name).outcome == .already)
        }
    }

    @Test func `units are persistent, idle, spread and quoted`() throws {
        let units = SystemdUnits(
            try Schedule(at: "02:05", startsAtBoot: true), try name(), program, isUser: true)
        #expect(
            units.files.keys.sorted() == [
                "kecsctl-backup@dev.service", "kecsctl-backup@dev.timer", "kecsctl-start@dev.service",
            ])
        let timer = try #require(units.files["kecsctl-backup@dev.timer"])
        for line in ["OnCalendar=*-*-* 02:05:00", "Persistent=true", "RandomizedDelaySec=600"] {
            #expect(timer.contains(line + "\n"))
        }
        let service = try #require(units.files["kecsctl-backup@dev.service"])
        #expect(service.contains("IOSchedulingClass=idle\n"))
        #expect(
            service.contains(
                #"ExecStart="/opt/k c/kecsctl" backup dev --scheduled --home "/home/u/100%%/.kecs" --quiet"#)
        )
        #expect(SystemdUnits.command(["a$b", "c d", #"e"f"#]) == #"a$$b "c d" "e\"f""#)
    }

    @Test func `a drill is scheduled each Sunday, and moves with the instance`() throws {
        let schedule = try Schedule(at: "02:05", drillsWeekly: true)
        let lines = schedule.crontabLines(try name(), program)
        #expect(lines.count == 2)
        #expect(lines[1].contains(" 5 * * 0 PATH="))
        #expect(lines[1].hasSuffix(" backups drill dev --home /home/u/100\\%/.kecs --quiet"), "\(lines[1])")
        #expect(
            InstallSchedule.line(lines[1], from: try name(), to: try name("shop")).contains(
                " backups drill shop --home "))
        let units = SystemdUnits(schedule, try name(), program, isUser: true)
        #expect(units.enabled == ["kecsctl-backup@dev.timer", "kecsctl-drill@dev.timer"])
        #expect(units.files.keys.allSatisfy(SystemdUnits.names(try name(), program).contains))
        let service = try #require(units.files["kecsctl-drill@dev.service"])
        #expect(service.contains(" backups drill dev --home ") && service.contains("\nNice=10\n"))
        #expect(units.files["kecsctl-drill@dev.timer"]?.contains("OnCalendar=Sun *-*-* 05:00:00\n") == true)
    }

    @Test func `no two instances, of one home or of two, have a unit of one name`() throws {
        let homes = ["/home/u/100%/.kecs", "/srv/kecs", "/srv/kecs-dev"]
        var seen: Set<String> = []
        for home in homes {
            var program = program
            program.home = Home(FilePath(home))
            for text in ["x", "backup-x", "backup", "start-x", "x-backup"] {
                for unit in SystemdUnits.names(try name(text), program) {
                    #expect(seen.insert(unit).inserted, "\(unit)")
                }
            }
        }
    }

    @Test func `lines of another home's instance of the same name stay`() throws {
        var crontab = Crontab([])
        var other = program
        other.home = Home("/srv/kecs")
        let schedule = try Schedule(at: "02:00")
        let mine = schedule.crontabLines(try name(), program)
        let theirs = schedule.crontabLines(try name(), other)
        crontab.setLines(mine, of: try name(), in: program.home)
        crontab.setLines(theirs, of: try name(), in: other.home)
        #expect(crontab.lines(of: try name(), in: program.home) == mine)
        crontab.setLines([], of: try name(), in: program.home)
        #expect(crontab.lines(of: try name(), in: other.home) == theirs)
    }

    @Test func `units of former versions are removed when they are this instance's, and only then`()
        async throws
    {
        try await CheckScene.with { scene in
            try scene.home.tools.add("systemctl", "exit 0")
            try scene.home.tools.add("crontab", "echo 'no crontab for u' >&2; exit 1")
            var environment = scene.home.environment
            let folder = scene.home.folder.appending("config/systemd/user")
            environment["XDG_CONFIG_HOME"] = scene.home.folder.appending("config").string
            try folder.createFolder()
            scene.site.machine.environment = environment
            scene.site.machine.processes = SystemProcesses(
                environment: environment, cancellation: Cancellation())
            var program = program
            program.home = scene.site.home
            func write(_ unit: String, _ line: String) throws {
                try folder.appending(unit).replaceContents(Array("[Service]\n\(line)\n".utf8))
            }
            let home = program.home.path
            // In 0.1.0 the boot unit of “backup-dev” had the name of the backup unit of “dev”.
            try write("kecsctl-backup-dev.service", "ExecStart=/k start backup-dev --home \(home) --quiet")
            let install = InstallSchedule(site: scene.site, program: program)
            #expect(try await install.remove(scene.name).outcome == .already)
            #expect(try folder.appending("kecsctl-backup-dev.service").isPresent)
            try write(
                "kecsctl-backup-dev.service", "ExecStart=/k backup dev --scheduled --home \(home) --quiet")
            try write("kecsctl-backup-dev.timer", "OnCalendar=daily")
            #expect(try await install.remove(scene.name).outcome == .done)
            #expect(try folder.entries().isEmpty)
        }
    }

    private static let hasAnalyze = access("/usr/bin/systemd-analyze", X_OK) == 0

    @Test(.enabled(if: hasAnalyze, "systemd-analyze is not installed"), arguments: ["02:05", "5m", "6h"])
    func `systemd accepts the units`(time: String) async throws {
        try await TemporaryHome.with { home in
            let schedule =
                try TimeSpan(time).map { try Schedule(every: $0, startsAtBoot: true) }
                ?? Schedule(at: time, startsAtBoot: true)
            let program = ScheduledProgram(executable: "/bin/true", home: Home("/home/a b"), path: "/bin")
            let units = SystemdUnits(schedule, try name(), program, isUser: false)
            var files: [String] = []
            for (unit, text) in units.files {
                // The manual's pages are not installed here.
                let text = text.split(separator: "\n", omittingEmptySubsequences: false).filter {
                    !$0.hasPrefix("Documentation=")
                }.joined(separator: "\n")
                try home.folder.appending(unit).replaceContents(Array(text.utf8), mode: 0o644)
                files.append(home.folder.appending(unit).string)
            }
            let result = try await SystemProcesses(
                environment: home.environment, cancellation: Cancellation()
            ).run(
                ProcessCall("systemd-analyze", ["verify"] + files.sorted()))
            let complaints = result.errorText.split(separator: "\n").filter {
                $0.contains(home.folder.string) || $0.contains("kecsctl-")
            }
            #expect(complaints.isEmpty, "\(result.errorText)")
        }
    }
}

@Suite struct MoveScheduleTests {
    private let program = ScheduledProgram(
        executable: "/usr/bin/kecsctl", home: Home("/home/u/.kecs"), path: nil, usualHome: "/home/u/.kecs")

    @Test(arguments: ["02:05", "23:59", "5m", "30m", "1h", "6h"])
    func `a timer says which schedule it was made of`(text: String) throws {
        let schedule = try text.contains(":") ? Schedule(at: text) : Schedule(every: TimeSpan(text))
        let name = try #require(InstanceName("dev"))
        let units = SystemdUnits(schedule, name, program, isUser: false)
        let timer = try #require(units.files["kecsctl-backup@dev.timer"])
        #expect(try SystemdUnits.schedule(of: timer, startsAtBoot: false) == schedule)
        #expect(throws: Failure.self) {
            try SystemdUnits.schedule(of: "OnCalendar=Mon 12:00\n", startsAtBoot: false)
        }
    }

    @Test func `only the name behind the verb is another one`() throws {
        let (old, new) = (try #require(InstanceName("start")), try #require(InstanceName("shop")))
        let lines = try Schedule(at: "02:05", startsAtBoot: true).crontabLines(old, program)
        #expect(
            lines.map { InstallSchedule.line($0, from: old, to: new) }
                == lines.map { $0.replacing("backup start ", with: "backup shop ") }
                .map { $0.replacing("start start ", with: "start shop ") })
    }
}
