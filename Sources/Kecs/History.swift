// SPDX-License-Identifier: Apache-2.0
import CLinux
import FoundationEssentials
import Glibc
public import KecsSystem
import SystemPackage

/// `history.jsonl`: one line for each finished operation that changes something.
public struct History: Sendable {
    let file: FilePath

    public init(_ home: Home) { file = home.history }

    private struct Line<Result: Encodable>: Encodable {
        var at: Moment
        var command: String
        var status: Int32
        var result: Result
    }

    /// Appends one line in one write, so that two kecsctl at once do not mix theirs.
    public func append(_ result: some Encodable, command: String, status: Int32, at moment: Moment) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = try encoder.encode(Line(at: moment, command: command, status: status, result: result))
        // As JSON it is masked once more, because a result may quote any program and any script.
        var bytes = try Array(
            JSONValue(parsing: String(decoding: line, as: UTF8.self)).masked.description.utf8)
        bytes.append(UInt8(ascii: "\n"))
        try file.removingLastComponent().createFolder()
        let descriptor = file.withPlatformString {
            paths_open($0, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o600)
        }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        defer { close(descriptor) }
        // Opening a FIFO would wait, although everything is done already.
        guard try FileStatus.of(descriptor: descriptor, at: file).kind == .file else {
            throw FileError("append to, as it is no file:", file, .invalidArgument)
        }
        let count = write(descriptor, bytes, bytes.count)
        guard count == bytes.count else { throw FileError.last("append to", file) }
    }
}
