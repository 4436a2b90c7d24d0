// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage

/// The archive engine without anything around it: `archive-bench write TREE FILE [fast|small|none]`, `check FILE`,
/// `unpack FILE FOLDER`, `scan TREE`, `list FILE`. Prints wall and CPU seconds.
@main struct ArchiveBench {
    static func main() {
        do { try run() } catch {
            print("\(type(of: error)): \(error)")
            exit(1)
        }
    }

    private static func run() throws {
        let words = CommandLine.arguments.dropFirst().map { $0 }
        let cancellation = Cancellation()
        let progress = SilentProgress()
        let threads = Threads.processors
        guard words.count >= 2 else { return print("usage: archive-bench VERB PATH…") }
        let path = FilePath(words[1])
        let clock = SystemClock()
        let start = clock.elapsed()
        switch words[0] {
        case "write":
            let compression = words.count > 3 ? Compression(rawValue: words[3]) ?? .fast : .fast
            let summary = try writeArchive(
                of: TreeSource(root: path), to: FilePath(words[2]), compression: compression,
                threads: threads,
                cancellation: cancellation, progress: progress)
            print(summary.entries, summary.sourceBytes, summary.bytes, summary.sha256)
            print(summary.fingerprint, summary.changed.count, summary.vanished.count, summary.special.count)
        case "check":
            print(
                try checkArchive(
                    path, compression: nil, threads: threads, cancellation: cancellation, progress: progress))
        case "unpack":
            print(
                try unpackArchive(
                    path, into: FilePath(words[2]), threads: threads, cancellation: cancellation,
                    progress: progress))
        case "scan":
            let scan = try scanTree(TreeSource(root: path), cancellation: cancellation)
            print(scan.entries, scan.bytes, scan.databases.count, scan.special.count, scan.fingerprint)
        case "list":
            try listArchive(path, .sums, cancellation: cancellation) { entry in
                print(printable(entry.path), entry.kind, entry.size, entry.contentSum ?? 0)
            }
        default: print("unknown verb")
        }
        let wall = clock.elapsed() - start
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        print(
            words[0], wall, "user", Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
            "sys",
            Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6, "peak KiB", usage.ru_maxrss)
    }
}
