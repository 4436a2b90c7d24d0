// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

/// A failed system call with the path it was about: "rename /a/b: No space left on device".
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The failed operation, as a verb: "open", "write to", "rename".
    public let operation: String
    public let path: FilePath
    public let errno: Errno

    public init(_ operation: String, _ path: FilePath, _ errno: Errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The error that the last system call of this thread left in `errno`.
    public static func last(_ operation: String, _ path: FilePath) -> FileError {
        FileError(operation, path, Errno(rawValue: Glibc.errno))
    }

    public var description: String {
        let why =
            errno == .tooManySymbolicLinkLevels
            ? "there is a link on the way that somebody else could have made, and it is not followed"
            : "\(errno)"
        return "cannot \(operation) \(path): \(why)"
    }
}
