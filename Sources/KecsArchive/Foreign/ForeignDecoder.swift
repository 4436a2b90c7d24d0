// SPDX-License-Identifier: Apache-2.0
import CArchive
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// The plain tar that libarchive, in a child process, decodes from an archive of another program.
///
/// The child can open and write no file, and its memory is limited: whatever an archive does to its decoder, this
/// process continues and reports it. The thread that creates it must be the one that reads.
final class ForeignDecoder {
    /// The child's memory limit. `xz -9`, `7z -mx=9` and `zstd -22` need less; all together stays below 256 MiB.
    static let memoryLimit: UInt64 = 176 << 20

    private let path: FilePath
    private var child = carchive_child()
    private var hasEnded = false

    init(_ path: FilePath, _ container: ForeignContainer) throws {
        self.path = path
        let file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        defer { close(file) }
        guard try FileStatus.of(descriptor: file, at: path).kind == .file else {
            throw FileError("read", path, .invalidArgument)
        }
        guard carchive_start(file, container.code, Self.memoryLimit, &child) == 0 else {
            throw FileError.last("start the decoder of", path)
        }
    }

    deinit { stop() }

    /// Fills `room` as far as bytes are available; 0 is the end of an undamaged archive.
    ///
    /// - Parameter whileWaiting: Called several times a second. An error that it throws ends the child.
    func read(into room: UnsafeMutableRawBufferPointer, whileWaiting: () throws -> Void) throws -> Int {
        guard !hasEnded else { return 0 }
        var filled = 0
        while filled < room.count {
            try whileWaiting()
            let isReady = carchive_await(&child, 100)
            guard isReady >= 0 else { throw FileError.last("wait for the decoder of", path) }
            if isReady == 0 { continue }
            let count = Glibc.read(
                child.output, room.baseAddress?.advanced(by: filled), room.count - filled)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError.last("read from the decoder of", path)
            }
            if count == 0 {
                try end()
                break
            }
            filled += count
        }
        return filled
    }

    func stop() { carchive_stop(&child) }

    private func end() throws {
        hasEnded = true
        let signal = carchive_wait(&child)
        guard let report = child.report?.pointee else { return }
        let why = Self.text(report.why)
        let name = Self.bytes(report.entry)
        func error(_ kind: ArchiveError.Kind, _ why: String) -> ArchiveError {
            ArchiveError(kind, path, entry: name.isEmpty ? nil : name, why)
        }
        switch UInt32(bitPattern: report.outcome) {
        case carchive_whole.rawValue where signal == 0: return
        case carchive_damaged.rawValue: throw error(.damaged, why)
        case carchive_unsupported.rawValue: throw error(.unsupported, why)
        case carchive_encrypted.rawValue:
            throw error(.unsupported, "it is encrypted; decrypt it first, and restore what comes out")
        case carchive_memory.rawValue:
            throw error(
                .unsupported,
                "unpacking it takes more than \(ByteCount(Int64(Self.memoryLimit))) of memory (\(why))")
        default:
            if !why.isEmpty { throw error(.unsupported, why) }
            throw error(
                .damaged, signal == 0 ? "its decoder gave up" : "its decoder ended with signal \(signal)")
        }
    }

    private static func bytes<Field>(_ field: Field) -> [UInt8] {
        withUnsafeBytes(of: field) { Array($0.prefix { $0 != 0 }) }
    }

    private static func text<Field>(_ field: Field) -> String {
        let text = printable(bytes(field))
        // The reason, like the others a clause without a full stop.
        return String(text.reversed().drop { $0 == "." || $0 == " " }.reversed())
    }

    /// Returns the first block of a compressed file's content, or as much as there is of it; nil when that is damaged.
    static func start(of path: FilePath) -> [UInt8]? {
        guard let decoder = try? ForeignDecoder(path, .compressedTar) else { return nil }
        defer { decoder.stop() }
        var head = [UInt8](repeating: 0, count: Tar.block)
        let count = head.withUnsafeMutableBytes { try? decoder.read(into: $0) {} }
        return count.map { Array(head[..<$0]) }
    }
}
