// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

/// What is large must not be in memory as a whole.
@Suite(.serialized) struct LargeObjectTests {
    private static let isFull = Rounds.areFull
    /// What the program may have in memory, in bytes. Without anything to read it has about 40 MB, but Linux counts from the
    /// fork on, with the size of the tests' own process: about 100 MB.
    private static let memoryLimit: Int64 = 200_000_000

    private func withBackup(_ body: (FilePath, FilePath) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let store = folder.appending("s")
            let backup = store.appending("velero/backups/\(Sample.good)")
            try Sample.copyTree(Sample.folder.appending("velero/backups/\(Sample.good)"), backup)
            try await body(store, backup)
        }
    }

    /// 1 GiB with `KECSCTL_FAULTS=full`, else 128 MiB.
    @Test func `an object of 1 GiB is verified block by block in constant memory`() async throws {
        try await withBackup { store, backup in
            let count = Self.isFull ? 1024 : 128
            let block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let stored = WrittenObject.checksum(block) + block
            let object = WrittenObject(partSizes: [Int64(count) << 20])
            let folder = backup.appending("large")
            try object.write(to: folder, parts: [[]])
            let part = folder.appending("\(WrittenObject.dataFolder)/part.1")
            let file = try FileDescriptor.open(part, .writeOnly, options: .truncate)
            try file.closeAfter {
                for _ in 0..<count { _ = try file.writeAll(stored) }
            }
            let clock = ContinuousClock()
            let began = clock.now
            let good = try Shell.measured(
                store, "backups", "verify", "velero:\(Sample.good)", "--folder", store.string, "--quiet")
            print("large: \(count) MiB verified in \(clock.now - began), peak \(good.peak >> 20) MiB")
            #expect(good.status == 0)
            #expect(good.peak < Self.memoryLimit, "\(good.peak)")

            // The last byte of the last block.
            let again = try FileDescriptor.open(part, .readWrite)
            try again.closeAfter {
                _ = try again.writeAll(
                    toAbsoluteOffset: Int64(count) * Int64(stored.count) - 1, [block[block.count - 1] ^ 1])
            }
            let bad = try Shell.measured(
                store, "backups", "verify", "velero:\(Sample.good)", "--folder", store.string, "--quiet")
            #expect(bad.status == 13)
        }
    }

    /// A gigabyte of zeros is a megabyte of gzip. 4 GiB with `KECSCTL_FAULTS=full`, else 256 MiB.
    @Test func `a tarball that inflates to a thousand times its size is read in constant memory`()
        async throws
    {
        try await withBackup { store, backup in
            let file = store.removingLastComponent().appending("t.tar.gz")
            let script = """
                import sys,tarfile,io
                class Zeros:
                    def read(self,n): return bytes(n)
                t=tarfile.open(sys.argv[1],'w:gz',compresslevel=1)
                i=tarfile.TarInfo('resources/x'); i.size=int(sys.argv[2])<<20
                t.addfile(i,Zeros())
                t.close()
                """
            try await Shell.run("python3", "-c", script, file.string, Self.isFull ? "4096" : "256")
            let content = try file.contents(limit: 1 << 30)
            let tarball = backup.appending("\(Sample.good).tar.gz")
            try tarball.removeTree()
            try WrittenObject(partSizes: [Int64(content.count)]).write(to: tarball, parts: [content])
            for words in [
                ["verify", "velero:\(Sample.good)"], ["ls", "velero:\(Sample.good)"],
                ["diff", "velero:\(Sample.good)", "velero:\(Sample.good)"],
            ] {
                let answer =
                    words.count == 3
                    ? try Shell.measured(
                        store, "backups", words[0], words[1], words[2], "--folder", store.string, "--quiet")
                    : try Shell.measured(
                        store, "backups", words[0], words[1], "--folder", store.string, "--quiet")
                #expect(answer.status == 0, "\(words)")
                #expect(answer.peak < Self.memoryLimit, "\(words): \(answer.peak)")
            }
        }
    }
}
