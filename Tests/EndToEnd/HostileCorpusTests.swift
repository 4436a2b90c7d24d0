// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Damaged and hostile files of each kind, made from whole ones by a generator with a known seed, for each verb that takes
/// them: no signal, no hang, nothing outside, memory within bounds.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can act for two users")) struct HostileCorpusTests
{
    /// xorshift64*: the same files everywhere.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D
        }
    }

    /// One of the changes that files suffer, or are given.
    private func spoil(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = bytes
        guard !bytes.isEmpty else { return [0] }
        let at = Int.random(in: 0..<bytes.count, using: &generator)
        let block = at / 512 * 512
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes = Array(bytes[..<at])
        case 2:
            let count = min(64, bytes.count - at)
            for index in at..<(at + count) { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
        case 3:
            for index in block..<min(block + 512, bytes.count) { bytes[index] = 0 }
        case 4:
            for index in at..<min(at + 8, bytes.count) { bytes[index] = 0xFF }
        case 5: bytes += bytes[block..<min(block + 512, bytes.count)]
        case 6: bytes.insert(contentsOf: bytes[block..<min(block + 512, bytes.count)], at: block)
        case 7: bytes.removeSubrange(block..<min(block + 512, bytes.count))
        default:
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<min(bytes.count, 4096), using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
        }
        return bytes
    }

    /// A tar header whose fields were changed gets a right checksum half of the time, so that it is read at all.
    private func spoilTar(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = spoil(bytes, &generator)
        guard Bool.random(using: &generator) else { return bytes }
        for block in stride(from: 0, to: bytes.count - 511, by: 512)
        where bytes[(block + 257)..<(block + 262)].elementsEqual("ustar".utf8) {
            if Int.random(in: 0..<4, using: &generator) == 0 {
                let kinds = Array("0123456789gxKLSVM".utf8)
                bytes[block + 156] = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
            }
            for index in (block + 148)..<(block + 156) { bytes[index] = 0x20 }
            let sum = bytes[block..<(block + 512)].reduce(0) { $0 + Int($1) }
            let text = String(sum, radix: 8)
            let digits = Array((String(repeating: "0", count: max(0, 6 - text.count)) + text).utf8)
            for (index, digit) in digits.prefix(6).enumerated() { bytes[block + 148 + index] = digit }
            bytes[block + 154] = 0
        }
        return bytes
    }

    private func check(
        _ scene: HostileScene, _ arguments: [String], _ number: Int, _ outside: String
    ) async throws -> Kecsctl.Answer {
        let answer = try await scene.kecsctl.run(arguments, limit: .seconds(200))
        #expect(
            (0...69).contains(answer.status), "\(number): \(arguments): \(answer.status) \(answer.errors)")
        #expect(try scene.outsideDigest() == outside, "\(number): \(arguments)")
        return answer
    }

    private func corpus(
        _ count: Int, seed: UInt64, _ body: (HostileScene, Int, inout Generator, String) async throws -> Void
    ) async throws {
        try await HostileScene.with { scene in
            #expect(try await scene.kecsctl("backup", "dev").status == 0)
            let outside = try scene.outsideDigest()
            for number in 0..<count {
                var generator = Generator(state: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
                try await body(scene, number, &generator, outside)
            }
        }
    }

    @Test func `archives`() async throws {
        try await corpus(Rounds.count(ci: 12, full: 160), seed: 1) { scene, number, generator, outside in
            let tar = scene.root.appending("evil.tar")
            if try tar.isPresent { try tar.remove() }
            _ = try writeArchive(
                of: TreeSource(root: scene.data), to: tar, compression: .none, threads: 1,
                cancellation: Cancellation(), progress: SilentProgress())
            try tar.replaceContents(spoilTar(try tar.contents(), &generator))
            for arguments in [
                ["restore", "dev", "--from", tar.string, "--dry-run"],
                ["restore", "dev", "--from", tar.string],
                ["migrate", "import", tar.string, "dev", "--dry-run"],
                ["backups", "import", tar.string, "--as", "dev"],
            ] { _ = try await check(scene, arguments, number, outside) }
        }
    }

    @Test func `databases`() async throws {
        try await corpus(Rounds.count(ci: 20, full: 400), seed: 2) { scene, number, generator, outside in
            let file = scene.root.appending("evil.sqlite")
            try scene.makeDatabase(file, rows: Int.random(in: 0..<300, using: &generator))
            try file.replaceContents(spoil(try file.contents(), &generator))
            let journal = FilePath(file.string + "-journal")
            if Int.random(in: 0..<4, using: &generator) == 0, try FileStatus.of(file)?.size ?? 0 > 512 {
                try plantJournal(beside: file, naming: scene.outside.appending("secret"))
                if Bool.random(using: &generator) {
                    try journal.replaceContents(spoil(try journal.contents(), &generator))
                }
            }
            let checked = try await check(scene, ["db", "check", "--database", file.string], number, outside)
            for arguments in [
                ["db", "dump", "--database", file.string], ["db", "rescue", "--database", file.string],
                ["restore", "dev", "--from", file.string],
                ["migrate", "import", file.string, "dev", "--dry-run"],
            ] {
                let answer = try await check(scene, arguments, number, outside)
                // What is live has been checked.
                if arguments[0] == "restore", answer.status == 0 { #expect(checked.status == 0, "\(number)") }
            }
            for entry in try scene.root.entries() where entry.string.contains(".rescued-") {
                try scene.root.appending(entry).remove()
            }
        }
    }

    @Test func `manifests`() async throws {
        try await corpus(Rounds.count(ci: 15, full: 200), seed: 3) { scene, number, generator, outside in
            let store = BackupStore(folder: scene.home.appending("backups/dev"))
            let backup = try #require(try store.all().last)
            let id = backup.id.description
            let manifest = backup.folder.appending(BackupStore.manifestName)
            let sums = backup.folder.appending(BackupStore.sumsName)
            let (oldManifest, oldSums) = (try manifest.contents(), try sums.contents())
            let spoilt = spoil(oldManifest, &generator)
            try manifest.replaceContents(spoilt)
            // With the right sum the manifest itself is what is looked at.
            let text = String(decoding: oldSums, as: UTF8.self)
            try sums.replaceContents(
                Array(text.replacing(sha256(oldManifest), with: sha256(spoilt)).utf8))
            for arguments in [
                ["backups", "list", "dev"], ["backups", "verify", id, "--instance", "dev"],
                ["restore", "dev", "--from", id, "--dry-run"], ["backups", "show", id, "--instance", "dev"],
            ] { _ = try await check(scene, arguments, number, outside) }
            try manifest.replaceContents(oldManifest)
            try sums.replaceContents(oldSums)
            let mark = backup.folder.appending(BackupStore.markName)
            if try mark.isPresent { try mark.remove() }
        }
    }

    @Test func `journals`() async throws {
        try await corpus(Rounds.count(ci: 10, full: 100), seed: 4) { scene, number, generator, outside in
            let id = "20261101T000000Z-restore"
            let text = """
                {"version":1,"operation":"restore","startedAt":"2026-11-01T00:00:00Z","runsAfterwards":false,
                "mayBeFrozen":false,"swap":{"id":"\(id)","from":"x","phase":"staging","units":[],
                "staging":["\(scene.instance)/.restoring/\(id)"],"previous":"\(scene.instance)/.previous/\(id)"}}
                """
            let journal = scene.instance.appending("journal.json")
            try journal.replaceContents(spoil(Array(text.utf8), &generator))
            for arguments in [["status", "dev"], ["backup", "dev"]] {
                _ = try await check(scene, arguments, number, outside)
            }
            if try journal.isPresent { try journal.remove() }
        }
    }
}
