// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// The judgement on each backup of the sample folder.
@Suite struct SampleTests {
    @Test func `each backup of the sample has its verdict, when every block is read`() throws {
        let all = try #require(try Sample.judge(Sample.folder).all())
        #expect(
            all.map(\.name) == [
                Sample.goodWithPart, Sample.flipped, Sample.noTarball, Sample.finalizing, Sample.partial,
                Sample.good, Sample.noMetadata,
            ])
        let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        func expect(_ name: String, _ verdict: VeleroBackup.Verdict, _ reason: String?) throws {
            let backup = try #require(byName[name])
            #expect(backup.verdict == verdict, "\(name): \(backup.reasons)")
            #expect(
                reason.map { text in backup.reasons.contains { $0.contains(text) } }
                    ?? backup.reasons.isEmpty,
                "\(name): \(backup.reasons)")
        }
        try expect(Sample.good, .restorable, nil)
        try expect(Sample.partial, .withErrors, "PartiallyFailed")
        try expect(Sample.finalizing, .damaged, "phase Finalizing")
        try expect(Sample.noTarball, .damaged, "\(Sample.noTarball).tar.gz is missing")
        try expect(Sample.noMetadata, .notABackup, "the upload failed")
        try expect(Sample.flipped, .damaged, "does not have its checksum")
        try expect(Sample.goodWithPart, .restorable, nil)
        #expect(all.filter(\.hasDamage).map(\.name) == [Sample.flipped])
        // Nine objects, each of one block; the tarball's is in part.1.
        #expect(byName[Sample.goodWithPart]?.blocks == 9)
        #expect(byName[Sample.goodWithPart]?.items == 480)
    }

    @Test func `a look at sizes alone finds what is missing, and says that it was no more`() throws {
        let all = try #require(try Sample.judge(Sample.folder, .sizes).all())
        #expect(all.allSatisfy { $0.depth == .sizes })
        #expect(all.first { $0.name == Sample.noTarball }?.verdict == .damaged)
        #expect(all.first { $0.name == Sample.flipped }?.verdict == .restorable)
    }

    @Test func `parts that are missing, too short or too long are found by their size`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let part = try #require(
                try Sample.files(below: store.appending("velero/backups/\(Sample.goodWithPart)"))
                    .first { $0.lastComponent?.string == "part.1" })
            let content = try part.contents()
            for wrong in [Array(content.dropLast()), content + [0], []] {
                try part.replaceContents(wrong)
                let backup = try Sample.judge(store, .sizes).one(Sample.goodWithPart)
                #expect(backup.verdict == .damaged && backup.hasDamage, "\(backup.reasons)")
            }
            try part.remove()
            let backup = try Sample.judge(store, .sizes).one(Sample.goodWithPart)
            #expect(backup.reasons.contains { $0.contains("part.1 is missing") }, "\(backup.reasons)")
        }
    }

    @Test func `an expired backup is told, because Velero would remove it`() throws {
        let late = try Sample.judge(Sample.folder, .sizes, now: Moment(seconds: 4_000_000_000))
            .one(Sample.good)
        #expect(late.verdict == .restorable)
        #expect(late.remarks.contains { $0.contains("expired") })
    }

    @Test func `a damaged log leaves a backup restorable, and the damage is told`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let log = store.appending(
                "velero/backups/\(Sample.good)/\(Sample.good)-logs.gz/xl.meta")
            var bytes = try log.contents()
            bytes[bytes.count - 3] ^= 4
            try log.replaceContents(bytes)
            let backup = try Sample.judge(store).one(Sample.good)
            #expect(backup.verdict == .withErrors && backup.hasDamage, "\(backup.reasons)")
        }
    }

    @Test func `the lists tell which volumes are not in a backup`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let backup = store.appending("velero/backups/\(Sample.good)")
            func write(_ file: VeleroFile, _ json: String) throws {
                try backup.appending(file.name(of: Sample.good)).removeTree()
                let content = Gzip.stored(Array(json.utf8))
                try WrittenObject(partSizes: [Int64(content.count)], inline: content)
                    .write(to: backup.appending(file.name(of: Sample.good)))
            }
            try write(
                .volumeInfo,
                #"[{"pvcNamespace":"web","pvcName":"data","skipped":true,"skippedReason":"hostPath"}]"#)
            try write(
                .podVolumeBackups,
                #"[{"spec":{"pod":{"namespace":"web","name":"a"},"volume":"v"},"status":{"phase":"Completed"}}]"#
            )
            let lost = try Sample.judge(store).one(Sample.good)
            #expect(lost.verdict == .withErrors, "\(lost.reasons)")
            #expect(lost.reasons.contains { $0.contains("kopia/web") }, "\(lost.reasons)")
            #expect(
                lost.remarks.contains { $0.contains("web/data") && $0.contains("hostPath") },
                "\(lost.remarks)")

            try WrittenObject(partSizes: [1], inline: [1])
                .write(to: store.appending("velero/kopia/web/kopia.repository"))
            #expect(try Sample.judge(store).one(Sample.good).verdict == .restorable)

            try write(
                .podVolumeBackups,
                #"[{"spec":{"pod":{"namespace":"web","name":"a"},"volume":"v"},"status":{"phase":"Failed"}}]"#
            )
            let failed = try Sample.judge(store).one(Sample.good)
            #expect(failed.reasons.contains { $0.contains("volume v of the pod web/a") }, "\(failed.reasons)")
        }
    }

    @Test func `every phase of Velero has its verdict`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let object = store.appending("velero/backups/\(Sample.good)/velero-backup.json")
            for (phase, verdict): (String, VeleroBackup.Verdict) in [
                ("New", .damaged), ("Queued", .damaged), ("ReadyToStart", .damaged),
                ("FailedValidation", .damaged), ("InProgress", .damaged),
                ("WaitingForPluginOperations", .damaged),
                ("WaitingForPluginOperationsPartiallyFailed", .damaged), ("Finalizing", .damaged),
                ("FinalizingPartiallyFailed", .damaged), ("Completed", .restorable),
                ("PartiallyFailed", .withErrors), ("Failed", .damaged), ("Deleting", .damaged),
                ("", .damaged), ("Something", .damaged),
            ] {
                let json = Array(
                    #"{"kind":"Backup","metadata":{"name":"\#(Sample.good)"},"status":{"phase":"\#(phase)"}}"#
                        .utf8)
                try WrittenObject(partSizes: [Int64(json.count)], inline: json).write(to: object)
                #expect(try Sample.judge(store, .sizes).one(Sample.good).verdict == verdict, "\(phase)")
            }
            for json in ["{}", "[", #"{"kind":"Backup","metadata":{"name":"other"}}"#] {
                let json = Array(json.utf8)
                try WrittenObject(partSizes: [Int64(json.count)], inline: json).write(to: object)
                #expect(try Sample.judge(store, .sizes).one(Sample.good).verdict == .damaged)
            }
        }
    }

    @Test func `encrypted and compressed objects are said to be so, and nothing is guessed`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let tarball = store.appending("velero/backups/\(Sample.good)/\(Sample.good).tar.gz")
            try tarball.removeTree()
            try WrittenObject(
                partSizes: [3],
                system: [("X-Minio-Internal-Server-Side-Encryption-Sealed-Key", .bytes([1]))],
                inline: [1, 2, 3]
            ).write(to: tarball)
            let encrypted = try Sample.judge(store).one(Sample.good)
            #expect(encrypted.verdict == .unreadable && !encrypted.hasDamage)
            #expect(encrypted.reasons.contains { $0.contains("encrypted by the object store") })
            try WrittenObject(
                partSizes: [3], system: [("x-minio-internal-compression", .bytes(Array("s2".utf8)))],
                inline: [1, 2, 3]
            ).write(to: tarball)
            let compressed = try Sample.judge(store).one(Sample.good)
            #expect(compressed.verdict == .unreadable)
            #expect(compressed.reasons.contains { $0.contains("compressed by the object store (s2)") })
        }
    }

    @Test func `an upload's envelope inside the object is named, not only called no gzip`() throws {
        try withTemporaryFolder { folder in
            let store = folder.appending("s")
            try Sample.copy(to: store)
            let results = store.appending(
                "velero/backups/\(Sample.good)/\(Sample.good)-resource-list.json.gz")
            let content = Array("1f;chunk-signature=…\r\n".utf8)
            try results.removeTree()
            try WrittenObject(partSizes: [Int64(content.count)], inline: content).write(to: results)
            let backup = try Sample.judge(store).one(Sample.good)
            #expect(backup.verdict == .damaged)
            #expect(backup.reasons.contains { $0.contains("checksumAlgorithm") }, "\(backup.reasons)")
        }
    }
}

/// gzip without compression, for contents below 64 KiB.
enum Gzip {
    static func stored(_ content: [UInt8]) -> [UInt8] {
        let count = UInt16(content.count)
        var crc: UInt32 = 0xffff_ffff
        for byte in content {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xedb8_8320) }
        }
        func little(_ value: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]
            + [UInt8(truncatingIfNeeded: count), UInt8(count >> 8)]
            + [UInt8(truncatingIfNeeded: ~count), UInt8(~count >> 8)] + content + little(~crc)
            + little(UInt32(count))
    }
}
