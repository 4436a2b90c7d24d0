// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

extension FilePath {
    /// The path's raw bytes, without the zero at the end. File names need not be UTF-8.
    public var bytes: [UInt8] {
        withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    public init(bytes: [UInt8]) {
        self.init(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
    }

    /// Returns the path beside this one whose name is this one's and what follows: SQLite and DuckDB append to the whole
    /// name of a database, and never replace an extension.
    public func beside(_ suffix: String) -> FilePath { FilePath(bytes: bytes + Array(suffix.utf8)) }

    /// This folder's entry with a relative path of raw bytes.
    public func appending(bytes: [UInt8]) -> FilePath {
        appending(FilePath(bytes: bytes).components)
    }
}

extension FilePath.Component {
    /// The name's raw bytes.
    public var bytes: [UInt8] { FilePath(root: nil, [self]).bytes }
}
