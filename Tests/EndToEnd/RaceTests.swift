// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The owner of the data exchanges folders and files for links, as fast as it goes, while root works on them.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct RaceTests {
    /// 316 is renameat2(2), 2 RENAME_EXCHANGE, -100 the working folder.
    private static let exchange = """
        my @pairs = @ARGV;
        while (1) {
            for (my $i = 0; $i < @pairs; $i += 2) { syscall(316, -100, $pairs[$i], -100, $pairs[$i + 1], 2) }
            exit if getppid() == 1;
        }
        """

    private func traps(_ scene: HostileScene) throws -> [(String, String)] {
        let data = scene.data.string
        let secretDatabase = scene.outside.appending("secret.db")
        let database = try SQLiteDatabase(secretDatabase, .create)
        try database.executeScript("CREATE TABLE t(a); INSERT INTO t VALUES ('\(HostileScene.secret)')")
        let pairs = [
            ("\(data)/sub", "\(data)/trap-folder", scene.outside.string),
            ("\(data)/sub/deep", "\(data)/sub/trap", scene.outside.appending("folder").string),
            ("\(data)/file", "\(data)/trap-file", scene.outside.appending("secret").string),
            ("\(data)/kecs.db", "\(data)/trap.db", secretDatabase.string),
            ("\(scene.root)/srv/data", "\(scene.root)/srv/trap-data", scene.outside.string),
        ]
        for (_, trap, target) in pairs {
            try #require(symlink(target, trap) == 0)
            try #require(lchown(trap, HostileScene.stranger, HostileScene.stranger) == 0)
        }
        return pairs.map { ($0.0, $0.1) }
    }

    /// Something to repair, with files outside that look the same.
    private func makeWritable(_ scene: HostileScene) throws {
        for folder in [scene.data.appending("sub/deep"), scene.outside.appending("folder")] {
            for number in 0..<200 {
                let file = folder.appending("file-\(number)")
                try file.replaceContents([])
                try file.setMode(0o666)
            }
        }
        try scene.giveAway()
    }

    @Test(
        arguments: [
            [["backup", "dev"]],
            [["restore", "dev", "--from", "latest"]],
            [["restore", "dev", "--from", "latest", "--path", "sub/*"]],
            [["restore", "dev", "--from", "latest"], ["undo", "dev"]],
            [["doctor", "dev", "--fix", "--yes"], ["undo", "dev"]],
            [["db", "rescue", "dev"]],
            [["backups", "prune", "dev", "--keep", "1"]],
            [
                ["migrate", "export", "dev", "EXPORT.tar.gz"],
                ["backups", "diff", "latest", "--instance", "dev"],
            ],
            [["destroy", "dev", "--yes", "--force"], ["restore", "dev", "--from", "latest"]],
        ])
    func `nothing outside is touched, and nothing of it gets out`(verbs: [[String]]) async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            if verbs.first?.first == "doctor" { try makeWritable(scene) }
            let pairs = try traps(scene)
            let before = try scene.outsideDigest()
            // One process for each pair: all combinations come up.
            let attackers = try pairs.map { try scene.spawnStranger(Self.exchange, [$0.0, $0.1]) }
            defer { for attacker in attackers { scene.end(attacker) } }
            let clock = ContinuousClock()
            let end = clock.now + .seconds(Rounds.count(ci: 3, full: 60))
            var answers: [Kecsctl.Answer] = []
            var number = 0
            repeat {
                number += 1
                for verb in verbs {
                    let arguments = verb.map {
                        $0.replacing("EXPORT", with: scene.root.appending("export-\(number)").string)
                    }
                    let answer = try await scene.kecsctl.run(arguments)
                    // Refusing is right; a signal or a hang is not.
                    #expect(
                        (0...64).contains(answer.status) || answer.status == 69, "\(arguments): \(answer)")
                    answers = Array((answers + [answer]).suffix(50))
                }
            } while clock.now < end
            #expect(try scene.outsideDigest() == before)
            try await scene.checkNothingLeaked(answers)
        }
    }

    /// Hard links to outside files are made by root here: the kernel lets nobody else (fs.protected_hardlinks).
    @Test
    func `a second name of an outside file gets no other mode or owner, and a secret is in no archive`()
        async throws
    {
        try await HostileScene.with { scene in
            for name in ["secret", "one", "set-uid"] {
                let planted = scene.data.appending("planted-\(name)")
                try #require(link(scene.outside.appending(name).string, planted.string) == 0)
            }
            // Which the doctor takes from everybody, where it is in a data folder.
            try scene.outside.appending("one").setMode(0o666)
            let before = try scene.outsideDigest()
            var answers: [Kecsctl.Answer] = []
            for verb in [
                ["backup", "dev"], ["doctor", "dev", "--fix", "--yes"],
                ["restore", "dev", "--from", "latest"],
                ["undo", "dev"], ["backups", "prune", "dev"], ["destroy", "dev", "--yes"],
            ] {
                answers.append(try await scene.kecsctl.run(verb))
                for name in ["secret", "one", "set-uid"] {
                    let status = try #require(try FileStatus.of(scene.outside.appending(name)))
                    #expect(status.owner == 0, "\(verb): \(name)")
                }
                #expect(try FileStatus.of(scene.outside.appending("set-uid"))?.mode == 0o4755)
                #expect(try FileStatus.of(scene.outside.appending("secret"))?.mode == 0o600)
            }
            #expect(try scene.outsideDigest() == before)
            try await scene.checkNothingLeaked(answers)
        }
    }
}
