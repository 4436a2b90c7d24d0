// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Memory stays under 256 MiB whatever there is of files, and what is written can be read again.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct BoundsTests {
    private static let limit: Int64 = 256 << 20

    private func makeFiles(_ count: Int, in folder: FilePath) throws {
        for index in 0..<count {
            let place = folder.appending("d\(index / 1000)")
            if index % 1000 == 0 { try place.createFolder() }
            let file = open(place.appending("file-\(index)").string, O_WRONLY | O_CREAT, 0o644)
            try #require(file >= 0)
            close(file)
        }
    }

    @Test func `many files are compared, looked at and restored one by one in bounded memory`() async throws {
        let count = Rounds.count(ci: 5_000, full: 500_000)
        try await HostileScene.with { scene in
            try makeFiles(count, in: scene.data.appending("many"))
            try scene.giveAway()
            #expect(try await scene.kecsctl("backup", "dev", limit: .seconds(600)).status == 0)
            try scene.data.appending("many").removeTree()
            for arguments in [
                ["restore", "dev", "--from", "latest", "--dry-run"],
                ["backups", "diff", "latest", "--instance", "dev"],
                ["restore", "dev", "--from", "latest", "--path", "many/*/*"], ["undo", "dev"],
            ] {
                let result = try await scene.kecsctl.measured(arguments)
                #expect([0, 1].contains(result.status), "\(arguments)")
                #expect(result.peak < Self.limit, "\(arguments): \(result.peak >> 20) MiB")
            }
        }
    }

    @Test func `a restore of single files that is killed is finished or taken back, however many there are`()
        async throws
    {
        let count = Rounds.count(ci: 3_000, full: 200_000)
        try await HostileScene.with { scene in
            let many = scene.data.appending("many")
            try makeFiles(count, in: many)
            try scene.giveAway()
            #expect(try await scene.kecsctl("backup", "dev", limit: .seconds(600)).status == 0)
            // What is live differs from what is restored, in one file for all.
            let changed = many.appending("d0/file-0")
            var hits = 0
            for round in 1...Rounds.count(ci: 4, full: 20) {
                try changed.replaceContents(Array("live".utf8))
                let step = Rounds.count(ci: 150, full: 3_000)
                let isHit = try await scene.kecsctl.killed(
                    after: .milliseconds(round * step),
                    ["restore", "dev", "--from", "latest", "--path", "many/*/*"])
                if isHit { hits += 1 }
                // What only looks heals nothing.
                let healed = try await scene.kecsctl(
                    "backups", "prune", "dev", "--keep", "1000", limit: .seconds(600))
                #expect([0, 3].contains(healed.status), "\(healed.errors)")
                #expect(try !scene.instance.appending("journal.json").isPresent)
                #expect(try !scene.instance.appending("journal.units").isPresent)
                #expect(try !scene.instance.appending(".restoring").isPresent)
                // One state or the other.
                let now = try changed.contents()
                #expect(now == [] || now == Array("live".utf8))
            }
            print("killed in the act: \(hits)")
        }
    }

    /// With 200,000 files the first release could not read its own journal again.
    @Test(.enabled(if: (try? FilePath("/usr/bin/strace").isPresent) == true, "strace is not installed"))
    func `killed in the middle of its exchange it leaves one state or the other in every file`()
        async throws
    {
        let count = Rounds.count(ci: 3_000, full: 200_000)
        try await HostileScene.with { scene in
            let many = scene.data.appending("many")
            try makeFiles(count, in: many)
            try scene.giveAway()
            #expect(try await scene.kecsctl("backup", "dev", limit: .seconds(600)).status == 0)
            let watched = stride(from: 0, to: count, by: 100).map {
                many.appending("d\($0 / 1000)").appending("file-\($0)")
            }
            for file in watched { try file.replaceContents(Array("live".utf8)) }
            // Each file is exchanged by two renames; that half of the files are done takes as many renames as there are files.
            let isHit = try await scene.kecsctl.killed(
                at: "renameat2", number: count, ["restore", "dev", "--from", "latest", "--path", "many/*/*"])
            #expect(isHit)
            #expect(try scene.instance.appending("journal.json").isPresent)
            #expect(Set(try watched.map { try $0.contents() }).count == 2, "not killed in the middle")
            // What only looks heals nothing.
            let healed = try await scene.kecsctl(
                "backups", "prune", "dev", "--keep", "1000", limit: .seconds(600))
            #expect([0, 3].contains(healed.status), "\(healed.errors)")
            #expect(try !scene.instance.appending("journal.json").isPresent)
            let states = Set(try watched.map { try $0.contents() })
            #expect(states.count == 1, "\(states.count) states")
        }
    }

    /// As GNU tar wrote it before there was pax, and in one record of pax: 70 KB that name four million places.
    @Test(arguments: ["blocks", "record"])
    func `a small archive with a long map of a sparse file is refused in bounded memory`(
        form: String
    ) async throws {
        try await HostileScene.with { scene in
            let script = """
                import gzip, sys
                def header(name, size, kind, rest=b""):
                    h = bytearray(512); h[0:len(name)] = name; h[100:108] = b"0000644\\0"
                    h[108:116] = h[116:124] = b"0000000\\0"; h[124:136] = b"%011o\\0" % size
                    h[136:148] = b"00000000000\\0"; h[156:157] = kind; h[257:265] = b"ustar  \\0"
                    h[386:386+len(rest)] = rest
                    h[148:156] = b"        "; h[148:156] = b"%06o\\0 " % sum(h)
                    return bytes(h)
                pairs = int(sys.argv[2])
                field = lambda n: b"%011o\\0" % n
                first = b"".join(field(i) + field(0) for i in range(4)) + b"\\1" + field(pairs + 4)
                record = b" GNU.sparse.map=" + b",".join([b"0,0"] * pairs) + b"\\n"
                record = b"%d" % (len(record) + 8) + record
                if sys.argv[3] == "record":
                    with gzip.open(sys.argv[1], "wb") as out:
                        out.write(header(b"map", len(record), b"x") + record + bytes(-len(record) % 512))
                        out.write(header(b"sparse", 0, b"0") + bytes(1024))
                    sys.exit()
                with gzip.open(sys.argv[1], "wb") as out:
                    out.write(header(b"sparse", 0, b"S", first))
                    at = 4
                    while at < pairs:
                        block = b"".join(field(at + i) + field(0) for i in range(21))
                        at += 21
                        out.write(block + (b"\\1" if at < pairs else b"\\0") + bytes(7))
                    out.write(bytes(1024))
                """
            let archive = scene.root.appending("sparse.tar.gz")
            var call = ProcessCall("/usr/bin/python3", "-c", script, archive.string, "4000000", form)
            call.limit = .seconds(120)
            let made = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(call)
            try #require(made.succeeded, "\(made.errorText)")
            let result = try await scene.kecsctl.measured(["restore", "dev", "--from", archive.string])
            #expect(result.status == 13)
            #expect(result.peak < Self.limit, "\(result.peak >> 20) MiB")
        }
    }
}
