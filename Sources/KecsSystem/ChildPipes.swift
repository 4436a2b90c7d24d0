// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import SystemPackage

/// The descriptors between this process and one child: both ends of each stream until the child has its own.
struct ChildPipes: Sendable {
    /// The ends that the child gets as its 0, 1 and 2.
    private(set) var theirs: (input: CInt, output: CInt, errors: CInt) = (-1, -1, -1)
    /// The ends that stay here, non-blocking. `input` is -1 when there is nothing to write.
    private(set) var ours: (input: CInt, output: CInt, errors: CInt) = (-1, -1, -1)

    init(input: ProcessCall.Input) throws {
        do {
            switch input {
            case .none: theirs.input = try Self.open("/dev/null")
            case .file(let path): theirs.input = try Self.open(path)
            case .bytes, .pieces: (theirs.input, ours.input) = try Self.pipe()
            }
            (ours.output, theirs.output) = try Self.pipe()
            (ours.errors, theirs.errors) = try Self.pipe()
            // A tar stream in 64 KiB steps would wake both sides 16 times as often. A user's total may be used up,
            // and then the usual 64 KiB do.
            _ = clinux_resize_pipe(ours.output, 1 << 20)
            for end in [ours.input, ours.output, ours.errors] where end >= 0 {
                guard fcntl(end, F_SETFL, O_NONBLOCK) == 0 else { throw FileError.last("set up", "(a pipe)") }
            }
        } catch {
            closeTheirs()
            closeOurs()
            throw error
        }
    }

    /// Closes the child's ends. Call it as soon as the child runs: an end that stays open here would never let its
    /// reader see the end.
    mutating func closeTheirs() {
        for end in [theirs.input, theirs.output, theirs.errors] where end >= 0 { close(end) }
        theirs = (-1, -1, -1)
    }

    mutating func closeInput() {
        if ours.input >= 0 { close(ours.input) }
        ours.input = -1
    }

    mutating func closeOutput() {
        if ours.output >= 0 { close(ours.output) }
        ours.output = -1
    }

    mutating func closeErrors() {
        if ours.errors >= 0 { close(ours.errors) }
        ours.errors = -1
    }

    mutating func closeOurs() {
        closeInput()
        closeOutput()
        closeErrors()
    }

    private static func pipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw FileError.last("create", "(a pipe)") }
        return (ends[0], ends[1])
    }

    /// Opens without waiting for a writer, if it is a FIFO. The child then gets an ordinary, blocking descriptor.
    private static func open(_ path: FilePath) throws -> CInt {
        let file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        guard fcntl(file, F_SETFL, 0) == 0 else {
            let error = FileError.last("open", path)
            close(file)
            throw error
        }
        return file
    }
}
