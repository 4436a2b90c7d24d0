// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsArchive
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Manifests, bundles, journals and records that say more than they may.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct ForeignRecordTests
{
    /// A bundle whose manifest was changed, with all sums right.
    private func bundle(
        _ scene: HostileScene, _ change: (inout Manifest) throws -> Void
    ) async throws -> FilePath {
        #expect(try await scene.kecsctl("backup", "dev").status == 0)
        let store = BackupStore(folder: scene.home.appending("backups/dev"))
        let backup = try #require(try store.all().first)
        var manifest = try #require(backup.manifest)
        try change(&manifest)
        let workshop = scene.root.appending("workshop")
        let folder = workshop.appending(backup.id.description)
        try folder.createFolder()
        for part in manifest.parts {
            let source = backup.folder.appending(part.file)
            try source.copyContents(to: folder.appending(part.file))
        }
        let bytes = try JSONFile.encode(manifest)
        try folder.appending(BackupStore.manifestName).replaceContents(bytes)
        var sums = "\(sha256(bytes))  manifest.json\n"
        for part in manifest.parts { sums += "\(part.sha256)  \(part.file)\n" }
        try folder.appending(BackupStore.sumsName).replaceContents(Array(sums.utf8))
        let file = scene.root.appending("bundle.tar")
        _ = try writeArchive(
            of: TreeSource(root: workshop), to: file, compression: .none, threads: 1,
            cancellation: Cancellation(),
            progress: SilentProgress())
        try workshop.removeTree()
        return file
    }

    @Test(arguments: [
        "an outside folder", "an outside file", "a new path", "journal.json", "lock", ".previous",
    ])
    func `a part's root in a bundle leads nowhere`(what: String) async throws {
        try await HostileScene.with { scene in
            let root: PartRoot =
                switch what {
                case "an outside folder": .folder(scene.outside.appending("folder"))
                case "an outside file": .file(scene.outside.appending("secret"))
                case "a new path": .folder(scene.root.appending("new"))
                default: PartRoot(what)
                }
            let file = try await bundle(scene) { manifest in
                let index = try #require(manifest.parts.firstIndex { $0.name == "data" })
                manifest.parts[index].name = "extra"
                manifest.parts[index].root = root
            }
            let before = try scene.outsideDigest()
            let live = try treeDigest(scene.data)
            for arguments in [
                ["restore", "dev", "--from", file.string, "--yes"],
                ["restore", "dev", "--from", file.string, "--yes", "--part", "extra", "--force"],
            ] {
                let answer = try await scene.kecsctl.run(arguments)
                #expect(answer.status == 64, "\(answer.errors)")
                #expect(answer.errors.contains("extra"))
            }
            #expect(try scene.outsideDigest() == before)
            #expect(try treeDigest(scene.data) == live)
            #expect(try !scene.root.appending("new").isPresent)
            // Taken into the store it is no more believed.
            #expect(try await scene.kecsctl("start", "other", "--runtime", "local").status == 0)
            #expect(
                try await scene.kecsctl("backups", "import", file.string, "--as", "other").status
                    == 0)
            let answer = try await scene.kecsctl(
                "restore", "other", "--from", "latest", "--yes", "--part", "extra")
            #expect(answer.status == 64, "\(answer.errors)")
            #expect(try scene.outsideDigest() == before)
            #expect(try await scene.kecsctl("status", "dev").status == 0)
        }
    }

    @Test(arguments: ["../../escaped", "..", ".hidden", "a/b", "", "-rf", "a\nb"])
    func `what is no name of a part is refused`(name: String) async throws {
        try await HostileScene.with { scene in
            let file = try await bundle(scene) { $0.parts[0].name = name }
            let into = scene.root.appending("deep/er/into")
            try into.removingLastComponent().createFolder()
            let entries = try scene.root.entries()
            let answer = try await scene.kecsctl(
                "restore", "dev", "--from", file.string, "--into", into.string)
            #expect(answer.status == 13, "\(answer.errors)")
            #expect(try scene.root.entries() == entries)
            #expect(try !scene.root.appending("escaped").isPresent)
        }
    }

    @Test func `a backup of another instance says whose it is, and needs a yes`() async throws {
        try await HostileScene.with { scene in
            let file = try await bundle(scene) {
                $0.instanceId = "11111111-2222-4333-8444-555555555555"
                $0.host = "elsewhere"
            }
            let live = try treeDigest(scene.data)
            let answer = try await scene.kecsctl("restore", "dev", "--from", file.string)
            #expect(answer.status == 64)
            #expect(answer.errors.contains("11111111-2222") && answer.errors.contains("elsewhere"))
            #expect(try treeDigest(scene.data) == live)
            #expect(try await scene.kecsctl("restore", "dev", "--from", file.string, "--yes").status == 0)
        }
    }

    @Test(arguments: ["link", "file"])
    func `an archive brings a folder where a folder is expected`(kind: String) async throws {
        try await HostileScene.with { scene in
            let folder = scene.root.appending("workshop")
            try folder.appending("data").createFolder()
            try scene.makeDatabase(folder.appending("data/kecs.db"))
            let store = folder.appending("minio-data")
            if kind == "link" {
                try #require(symlink(scene.outside.string, store.string) == 0)
            } else {
                try store.replaceContents(Array("x".utf8))
            }
            let file = scene.root.appending("evil.tar")
            _ = try writeArchive(
                of: TreeSource(root: folder), to: file, compression: .none, threads: 1,
                cancellation: Cancellation(), progress: SilentProgress())
            let live = try treeDigest(scene.instance.appending("minio-data"))
            let before = try scene.outsideDigest()
            let answer = try await scene.kecsctl("restore", "dev", "--from", file.string)
            #expect(answer.status == 13, "\(answer.errors)")
            #expect(answer.errors.contains("minio-data"))
            #expect(try treeDigest(scene.instance.appending("minio-data")) == live)
            #expect(try scene.instance.appending("minio-data").isFolder)
            #expect(try scene.outsideDigest() == before)
        }
    }

    @Test(arguments: ["staging", "previous", "live", "relative", "up", "another's", "fifo"])
    func `a journal is believed only as far as it can be one`(how: String) async throws {
        try await HostileScene.with { scene in
            let victim = scene.outside.appending("folder")
            let before = try scene.outsideDigest()
            let id = "20261101T000000Z-restore"
            let kept = scene.instance.appending(".previous").appending(id)
            let staging = scene.instance.appending(".restoring").appending(id)
            func unit(_ live: String, _ previous: String) -> String {
                #"{"part":"data","live":"\#(live)","previous":"\#(previous)","liveInode":\#((try? FileStatus.of(FilePath(live))?.inode) ?? 1)}"#
            }
            var (stage, keep, units, phase) = (staging.string, kept.string, "", "staging")
            switch how {
            case "staging": stage = victim.string
            case "previous": keep = victim.string
            case "live":
                phase = "swapping"
                units = unit(victim.string, "\(kept)/x")
            case "relative": stage = "../outside/folder"
            case "up": stage = "\(staging)/../../../../../outside/folder"
            default: break
            }
            let text = """
                {"version":1,"operation":"restore","startedAt":"2026-11-01T00:00:00Z","runsAfterwards":false,
                "mayBeFrozen":false,"swap":{"id":"\(id)","from":"x","phase":"\(phase)","units":[\(units)],
                "staging":["\(stage)"],"previous":"\(keep)"}}
                """
            let journal = scene.instance.appending("journal.json")
            if how == "fifo" {
                try #require(mkfifo(journal.string, 0o600) == 0)
            } else {
                try journal.replaceContents(Array(text.utf8))
                if how == "another's" { try journal.setOwner((65532, 65532)) }
            }
            for arguments in [
                ["status", "dev"], ["backup", "dev"], ["restore", "dev", "--from", "latest"],
            ] {
                let answer = try await scene.kecsctl.run(arguments, limit: .seconds(60))
                #expect(answer.status >= 0, "\(arguments) hangs")
                #expect(try scene.outsideDigest() == before, "\(arguments)")
            }
        }
    }

    @Test func `what a replaced tree's record names elsewhere is not removed`() async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let before = try scene.outsideDigest()
            let id = "20200101T000000Z-restore"
            let kept = scene.instance.appending(".previous").appending(id)
            try kept.createFolder()
            let text = """
                {"id":"\(id)","from":"x","phase":"swapping","staging":[],"previous":"\(kept)","units":[
                {"part":"data","live":"\(scene.data)","previous":"\(scene.outside.appending("folder"))"}]}
                """
            try kept.appending(Swap.recordName).replaceContents(Array(text.utf8))
            for arguments in [
                ["backups", "prune", "dev"], ["restore", "dev", "--from", "latest"], ["undo", "dev"],
            ] {
                _ = try await scene.kecsctl.run(arguments)
                #expect(try scene.outsideDigest() == before, "\(arguments)")
            }
        }
    }

    @Test(arguments: ["manifest.json", "SHA256SUMS", "mark.json"])
    func `a link in a bundle is not followed`(name: String) async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let backup = try #require(
                try BackupStore(folder: scene.home.appending("backups/dev")).all().first)
            let workshop = scene.root.appending("workshop")
            let folder = workshop.appending(backup.id.description)
            try folder.createFolder()
            for file in try backup.folder.entries() where file.string != name {
                try backup.folder.appending(file).copyContents(to: folder.appending(file))
            }
            try #require(
                symlink(scene.outside.appending("secret").string, folder.appending(name).string) == 0)
            let file = scene.root.appending("bundle.tar")
            _ = try writeArchive(
                of: TreeSource(root: workshop), to: file, compression: .none, threads: 1,
                cancellation: Cancellation(), progress: SilentProgress())
            for arguments in [
                ["restore", "dev", "--from", file.string, "--yes"],
                ["backups", "import", file.string, "--as", "dev"],
            ] {
                let answer = try await scene.kecsctl.run(arguments)
                #expect(answer.status == 13 || name == "manifest.json", "\(answer.errors)")
                #expect(answer.status != 0)
                try await scene.checkNothingLeaked([answer])
            }
        }
    }

    @Test func `a history that is a FIFO is not waited for`() async throws {
        try await HostileScene.with { scene in
            let history = scene.home.appending("history.jsonl")
            if try history.isPresent { try history.remove() }
            try #require(mkfifo(history.string, 0o600) == 0)
            let answer = try await scene.kecsctl("backup", "dev", limit: .seconds(60))
            #expect(answer.status >= 0)
            #expect(answer.errors.contains("history.jsonl"), "\(answer.errors)")
        }
    }
}
