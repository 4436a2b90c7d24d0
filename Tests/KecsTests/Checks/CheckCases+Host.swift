// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor

extension CheckCase {
    static let files = [
        CheckCase("home.mode", .warning, "other users can read") {
            try $0.site.home.path.setMode(0o755)
        },
        CheckCase("home.owner", geteuid() == 0 ? .info : .error, "belongs to the user") { scene in
            if geteuid() == 0 {
                try scene.site.home.path.setOwner((user: 1000, group: 1000))
            } else {
                // Root's, whoever runs the tests.
                scene.site.home = Home("/")
            }
        },
        CheckCase(
            "perm.owner", .error, "expected 65532:65532",
            settings: geteuid() == 0 ? ["containerMode": true] : [:],
            good: { scene in
                try scene.setSetting("dataDir", .string(scene.folder.data.string))
                guard geteuid() == 0 else { return }
                for name in try [scene.folder.data, scene.folder.objectStore]
                    + scene.folder.data.entries().map(scene.folder.data.appending)
                {
                    try name.setOwner((user: 65532, group: 65532))
                }
            },
            bad: { scene in
                if geteuid() == 0 {
                    try scene.database.setOwner((user: 0, group: 0))
                } else {
                    try scene.setSetting("owner", "65532:65532")
                }
            }),
        CheckCase("perm.world-writable", .error, "everybody can write") {
            try $0.database.setMode(0o666)
        },
        CheckCase(
            "perm.secrets", .error, "others can read the secret",
            good: { try $0.write($0.folder.veleroConfig.appending("credentials"), "aws", mode: 0o600) },
            bad: { try $0.folder.veleroConfig.appending("credentials").setMode(0o640) }),
        CheckCase(
            "perm.backups", .warning, "others can read", good: { try $0.addBackup(.seconds(60)) },
            bad: { scene in
                let backup = try #require(try scene.site.home.backupStore(of: scene.name).all().first)
                try backup.folder.setMode(0o755)
            }),
        CheckCase("sqlite.dir-not-writable", .error, "cannot create files in") {
            try $0.folder.data.setMode(0o555)
        },
        CheckCase("sqlite.file-not-writable", .error, "cannot write") { try $0.database.setMode(0o400) },
        CheckCase("perm.executable-data", .info, "is executable") { try $0.database.setMode(0o755) },
        CheckCase("perm.unreadable", .error, "Permission denied") { scene in
            let locked = scene.folder.data.appending("locked")
            try locked.createFolder()
            try locked.setMode(0)
            // Root may read everything; its thread can look with another user's eyes.
            guard geteuid() == 0 else { return }
            try scene.openFolders()
            try scene.folder.data.setMode(0o755)
            scene.change = { facts in
                let folder = try facts.data.get()
                return try asUser(65534) {
                    facts.with(tree: try TreeFacts.of(folder, cancellation: Cancellation()))
                }
            }
        },
        CheckCase("files.special", .info, "is a fifo") { scene in
            #expect(scene.folder.data.appending("pipe").withPlatformString { mkfifo($0, 0o600) } == 0)
        },
    ]

    static let locks = [
        CheckCase("lock.foreign", .warning, "left from a process that has ended") { scene in
            var identity = try ProcessIdentity.current()
            identity.bootId = "of another boot"
            try scene.write(
                scene.folder.data.appending(".lock"),
                String(decoding: try JSONFile.encode(identity), as: UTF8.self))
        },
        CheckCase(
            "lock.busy", .warning, "has been working on", good: { try $0.hold(since: .seconds(6 * 3600)) },
            bad: { try $0.hold(since: .seconds(6 * 3600 + 1)) }),
        CheckCase(
            "instance.shared-folder", .error, "“twin” and “dev” both use",
            good: { try $0.addInstance("other") },
            bad: { try $0.addInstance("twin", settings: ["dataDir": .string($0.folder.data.string)]) }),
        CheckCase(
            "instance.shared-ports", .warning, "both want the port 5374",
            settings: ["apiPort": 5373, "adminPort": 5374],
            good: { try $0.addInstance("other", settings: ["apiPort": 6373]) },
            bad: { try $0.addInstance("twin", settings: ["apiPort": 5374]) }),
        CheckCase(
            "port.conflict", .error, "is taken by process \(getpid())",
            good: { scene in
                let port = try TestServer(.hangs).port
                try scene.setSetting("apiPort", .integer(Int64(port)))
            },
            bad: { scene in
                let server = try TestServer(.hangs)
                try scene.setSetting("apiPort", .integer(Int64(server.port)))
                scene.keep(server)
            }),
    ]

    static let databases = [
        CheckCase("db.engine", .error, "is empty") { try $0.write($0.database, "") },
        CheckCase(
            "db.missing", .error, "is gone, and", good: { try $0.addBackup(.seconds(60)) },
            bad: { try $0.database.remove() }),
        CheckCase(
            "db.not-mounted", .error, "/app/dev_asset/db.sqlite, where nothing is mounted", runtime: .docker,
            good: { $0.serve(at: "/app/dev_assets") }, bad: { $0.serve(at: "/app/dev_asset") }),
        CheckCase(
            "db.size", .warning, "more than",
            good: { try $0.sparse($0.folder.data.appending("mimir.db"), 1 << 30) },
            bad: { try $0.sparse($0.folder.data.appending("mimir.db"), 1 << 30 + 1) }),
        CheckCase(
            "data.size", .warning, "more than", good: { try $0.fillData(10 << 30) },
            bad: { try $0.fillData(10 << 30 + 1) }),
        CheckCase(
            "db.wal-size", .warning, "the write-ahead log",
            good: { try $0.sparse($0.sidecar("-wal"), 64 << 20) },
            bad: { try $0.sparse($0.sidecar("-wal"), 64 << 20 + 1) }),
        CheckCase("sqlite.journal_mode", .info, "is not in WAL mode") {
            try SQLiteDatabase($0.database, .readWrite).execute("PRAGMA journal_mode = delete")
        },
        CheckCase("db.free-pages", .info, "are free pages") { scene in
            let database = try SQLiteDatabase(scene.database, .readWrite)
            try database.execute("CREATE TABLE big (x)")
            try database.execute("INSERT INTO big VALUES (zeroblob(20000000))")
            try database.execute("DROP TABLE big")
        },
        CheckCase("db.integrity", .error, "is damaged") { scene in
            let file = scene.database.withPlatformString { open($0, O_WRONLY | O_CLOEXEC) }
            defer { close(file) }
            let rubbish = [UInt8](repeating: 0xAB, count: 4096)
            #expect(pwrite(file, rubbish, 4096, 4096) == 4096)
        },
        CheckCase(
            "db.foreign-keys", .warning, "refer to rows that are not there, first in child",
            good: { scene in
                let database = try SQLiteDatabase(scene.database, .readWrite)
                try database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
                try database.execute("CREATE TABLE child (parent REFERENCES parent(id))")
                try database.execute("INSERT INTO parent VALUES (7)")
                try database.execute("INSERT INTO child VALUES (7)")
            },
            bad: { scene in
                let database = try SQLiteDatabase(scene.database, .readWrite)
                try database.execute("PRAGMA foreign_keys = off")
                try database.execute("DELETE FROM parent")
            }),
        CheckCase("db.sidecars", .warning, "cannot belong to the database") {
            try $0.write($0.sidecar(".wal"))
        },
        CheckCase("db.schema-version", .error, "99") {
            try SQLiteDatabase($0.database, .readWrite).execute("PRAGMA user_version = 99")
        },
        CheckCase("db.schema-drift", .warning, "is not as its version says") {
            try SQLiteDatabase($0.database, .readWrite).execute("ALTER TABLE clusters ADD COLUMN mine TEXT")
        },
    ]

    static let backups = [
        CheckCase(
            "backup.none", .warning, "none of the 1 backups",
            good: { try $0.addBackup(.seconds(60)) },
            bad: { scene in
                let backup = try #require(try scene.site.home.backupStore(of: scene.name).all().first)
                try backup.folder.appending("data.tar.gz").remove()
            }),
        CheckCase(
            "backup.old", .warning, "the newest good backup of “dev” is from",
            good: { try $0.addBackup(.seconds(26 * 3600)) },
            bad: { $0.clock.advance(by: .seconds(1)) }),
        CheckCase(
            "backup.unverified", .warning, "was never verified", good: { try $0.addBackup(.seconds(60)) },
            bad: { try $0.addBackup(.seconds(30), verified: false) }),
        CheckCase(
            "backup.damaged", .error, "is damaged: data.tar.gz", good: { try $0.addBackup(.seconds(60)) },
            bad: { scene in
                let backup = try #require(try scene.site.home.backupStore(of: scene.name).all().first)
                try backup.folder.appending("data.tar.gz").remove()
            }),
        CheckCase(
            "backup.incomplete", .warning, "a killed run left 1 incomplete",
            good: { try $0.addBackup(.seconds(60)) },
            bad: {
                _ = try BackupDraft(
                    in: $0.site.home.backupStore(of: $0.name), reason: .manual, at: CheckScene.now)
            }),
        CheckCase(
            "backup.failing", .error, "the last 2 backups of “dev” failed: no room",
            good: {
                try $0.addHistory("backup", "failed", status: 16)
                try $0.addHistory("backup", "done")
            },
            bad: { scene in
                for _ in 0..<2 {
                    try scene.addHistory(
                        "backup", "failed", status: 16, extra: ["error": ["message": "no room"]])
                }
            }),
        CheckCase(
            "backup.shrunk", .warning, "has shrunk from",
            good: {
                try $0.addBackup(.seconds(60), sourceBytes: 1_000_000)
                try $0.addBackup(.seconds(30), sourceBytes: 500_000)
            },
            bad: { try $0.addBackup(.seconds(10), sourceBytes: 249_999) }),
        CheckCase(
            "backup.verify-old", .info, "was last read on",
            good: { try $0.addBackup(.seconds(35 * 86_400)) },
            bad: { $0.clock.advance(by: .seconds(1)) }),
        CheckCase(
            "clock.backwards", .warning, "is in the future", good: { try $0.addBackup(.seconds(-60)) },
            bad: { try $0.addBackup(.seconds(-61)) }),
        CheckCase(
            "drill.never", .info, "the last rehearsal of a restore",
            good: { try $0.addHistory("restore", "done", age: .seconds(35 * 86_400)) },
            bad: { $0.clock.advance(by: .seconds(1)) }),
        CheckCase(
            "backup.key", .info, "its key was never tried",
            good: { scene in
                let backup = try scene.addBackup(.seconds(90), recipients: ["age1a"])
                try scene.site.home.backupStore(of: scene.name).mark(backup.id) {
                    $0.drill = .init(at: CheckScene.now, passed: true)
                }
                try scene.addBackup(.seconds(60), recipients: ["age1a"])
            },
            bad: { try $0.addBackup(.seconds(30), recipients: ["age1b"]) }),
        CheckCase(
            "remote.none", .info, "was ever exported or copied to another file system",
            good: { try $0.addHistory("backups export", "done", extra: ["isOnAnotherFileSystem": true]) },
            bad: { scene in
                try scene.site.home.history.remove()
                try scene.addHistory("backups export", "done", extra: ["isOnAnotherFileSystem": false])
            }),
        CheckCase(
            "copy.overdue", .warning, "the newest copy on “usb”",
            good: { scene in
                _ = try Remotes(site: scene.site).add("usb", "box:kecs", dryRun: false)
                try scene.setSetting("copies", "usb")
                let backup = try scene.addBackup(Thresholds.backupAge.duration)
                var past = try PastCopies(scene.site.home.backupStore(of: scene.name))
                try past.set(
                    backup.id,
                    .init(
                        state: .verified, path: "dev/\(backup.id)", files: [], sums: "",
                        verifiedAt: scene.clock.now(), isGood: true), at: "usb")
            },
            bad: { $0.clock.advance(by: .seconds(1)) }),
        CheckCase("backup.same-device", .info, "on the same file system") {
            try $0.addBackup(.seconds(60))
        },
        CheckCase(
            "schedule.none", .info, "no crontab and no timer",
            good: {
                $0.surroundings.crontabs = [
                    .init(path: "crontab -l", text: "0 2 * * * kecsctl backup dev --quiet")
                ]
            },
            bad: {
                $0.surroundings.crontabs = [
                    .init(path: "crontab -l", text: "0 2 * * * kecsctl backup other --quiet")
                ]
            }),
        CheckCase(
            "schedule.broken", .error, "calls /gone/kecsctl, which is not there",
            good: { scene in
                let program = scene.home.folder.appending("kecsctl")
                try scene.write(program, "", mode: 0o755)
                scene.surroundings.units = [.init(path: "/u", text: "ExecStart=\(program) backup dev\n")]
            },
            bad: { $0.surroundings.units = [.init(path: "/u", text: "ExecStart=/gone/kecsctl backup dev\n")] }
        ),
        CheckCase("operation.unfinished", .error, "the restore of “dev”") {
            try Journal(operation: "restore", startedAt: CheckScene.now, runsAfterwards: true)
                .write(to: $0.folder.journal)
        },
        CheckCase("instance.down", .error, "down since") { scene in
            try Duty(operation: "backup", since: CheckScene.now, because: "docker said no", tries: 2)
                .write(to: scene.folder.duty)
        },
        CheckCase("files.remnants", .warning, "where it does no harm") { scene in
            try scene.write(scene.folder.path.appending(".going").appending("old-1").appending("file"), "x")
        },
        CheckCase("instance.degraded", .error, "the restore failed") { scene in
            var config = try scene.site.instance(scene.name).config
            config.degraded = .init(since: CheckScene.now, why: "the restore failed")
            try config.write(to: scene.folder.config)
        },
        CheckCase(
            "move.abandoned", .warning, "arrived from old.example for “gone”",
            good: { scene in
                let folder = try scene.addArrival("gone")
                scene.clock.set(try #require(try FileStatus.of(folder)).modified + .seconds(3 * 86_400 - 60))
            }, bad: { $0.clock.advance(by: .seconds(3600)) }),
        CheckCase(
            "restore.previous", .info, "is still kept",
            good: { scene in
                try scene.write(scene.folder.previous.appending("r").appending("old"), "12345")
                let changed = try #require(try FileStatus.of(scene.folder.previous)).modified
                scene.clock.set(changed + .seconds(7 * 86_400))
            },
            bad: { $0.clock.advance(by: .seconds(1)) }),
    ]

    static let machines = [
        CheckCase(
            "config.readable", .error, "config.json", good: { try $0.addInstance("other") },
            bad: { scene in
                let name = try #require(InstanceName("other"))
                try scene.write(scene.site.home.folder(of: name).config, "{")
            }),
        CheckCase("config.settings", .error, "many") { try $0.setSetting("keep", "many") },
        CheckCase("data.missing", .error, "is missing") { try $0.folder.data.removeTree() },
        CheckCase(
            "persistence.not-a-mount", .error, "lies in the container itself",
            settings: ["containerMode": true],
            good: { $0.mount("/data", "ext4") },
            bad: { $0.mount("/elsewhere", "ext4") }),
        CheckCase(
            "fs.type", .warning, "on nfs4", good: { $0.mount($0.home.folder.resolved(), "xfs") },
            bad: { $0.mount($0.home.folder.resolved(), "nfs4") }),
        CheckCase(
            "fs.read-only", .error, "is mounted read-only",
            good: { $0.mount($0.home.folder.resolved(), "ext4") },
            bad: { $0.mount($0.home.folder.resolved(), "ext4", "ro") }),
        CheckCase(
            "disk.used", .warning, "90.1 % full",
            good: {
                $0.surroundings.use = { _ in FileSystemUse(used: 900_000_000_000, free: 100_000_000_000) }
            },
            bad: {
                $0.surroundings.use = { _ in FileSystemUse(used: 900_000_000_001, free: 99_999_999_999) }
            }),
        CheckCase(
            "disk.inodes", .warning, "of its inodes",
            good: {
                $0.surroundings.use = { _ in
                    FileSystemUse(used: 1, free: 9, usedInodes: 900_000, freeInodes: 100_000)
                }
            },
            bad: {
                $0.surroundings.use = { _ in
                    FileSystemUse(used: 1, free: 9, usedInodes: 900_001, freeInodes: 99_999)
                }
            }),
        CheckCase(
            "disk.room-for-backup", .warning, "are free for the next backup",
            good: { scene in
                let bytes = try TreeFacts.of(scene.folder.data, cancellation: Cancellation()).bytes
                scene.site.machine.freeSpace = { _ in ByteCount(bytes) }
            },
            bad: { scene in
                let bytes = try TreeFacts.of(scene.folder.data, cancellation: Cancellation()).bytes
                scene.site.machine.freeSpace = { _ in ByteCount(bytes - 1) }
            }),
        CheckCase(
            "disk.days-to-full", .warning, "fills the disk in 13 days",
            good: { scene in
                for day in 0..<5 {
                    try scene.addBackup(.seconds(day * 86_400), sourceBytes: Int64(1000 - 100 * day))
                }
                scene.site.machine.freeSpace = { _ in ByteCount(1500) }
            },
            bad: { $0.site.machine.freeSpace = { _ in ByteCount(1350) } }),
        CheckCase(
            "resources.cpu", .warning, "needs 2 processors", runtime: .k3d,
            good: { $0.surroundings.processors = 2 }, bad: { $0.surroundings.processors = 1.5 }),
        CheckCase(
            "resources.mem", .warning, "needs 4 GB of memory", runtime: .k3d,
            good: { $0.surroundings.memory = .known(4_000_000_000) },
            bad: { $0.surroundings.memory = .known(3_999_999_999) }),
        CheckCase(
            "resources.disk", .warning, "needs 20 GB of disk", runtime: .k3d,
            good: { $0.site.machine.freeSpace = { _ in ByteCount(20_000_000_000) } },
            bad: { $0.site.machine.freeSpace = { _ in ByteCount(1_000_000_000) } }),
        CheckCase("state.unknown", .warning, "docker is down") { $0.setState(.unknown("docker is down")) },
        CheckCase("state.unseen", .error, "could not be examined") { $0.change = { _ in nil } },
        CheckCase(
            "state.paused", .error, "is paused", good: { $0.setState(.running) },
            bad: { $0.setState(.paused) }),
        CheckCase(
            "server.health", .error, "its status is “degraded”",
            good: { scene in
                scene.setState(.running)
                try scene.serve(#"{"status":"ok"}"#)
            },
            bad: { try $0.serve(#"{"status":"degraded"}"#) }),
        CheckCase(
            "history.readable", .info, "1 lines of", good: { try $0.addHistory("backup", "done") },
            bad: { scene in
                let file = scene.site.home.history
                try file.replaceContents(try file.contents() + Array("{\"at\":".utf8))
            }),
        CheckCase("files.staging", .info, "was left by a start that was cut off") {
            try $0.site.home.instances.appending(".x.creating").createFolder()
        },
        CheckCase(
            "env.version-changed", .info, "docker 20.10.24 is 28.2.2 now", runtime: .docker,
            good: { scene in
                scene.site.runtime = {
                    StillRuntime(current: .stopped, programs: ["docker": "28.2.2"], instance: $0)
                }
                try scene.addBackup(
                    .seconds(60), runtime: .init(kind: "docker", versions: ["docker": "28.2.2"]))
            },
            bad: {
                try $0.addBackup(
                    .seconds(30), runtime: .init(kind: "docker", versions: ["docker": "20.10.24"]))
            }),
    ]
}
