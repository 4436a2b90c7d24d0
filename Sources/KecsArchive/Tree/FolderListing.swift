// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The names in a folder, sorted by bytes, in one piece of memory: some 20 bytes a name in addition to the name itself.
struct FolderListing {
    struct Name {
        fileprivate var offset: UInt32
        /// `DT_REG` and the like; `DT_UNKNOWN` where the file system does not say.
        var type: UInt8
        var inode: UInt64
    }

    private var bytes: [CChar] = []
    private(set) var names: [Name] = []

    /// - Returns: Nil with `errno` when the folder cannot be read.
    init?(_ folder: OpaquePointer) {
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { return nil }
                break
            }
            let start = UnsafeRawPointer(entry) + Self.nameOffset
            let name = start.assumingMemoryBound(to: CChar.self)
            if name[0] == 46, name[1] == 0 || (name[1] == 46 && name[2] == 0) { continue }
            names.append(
                Name(
                    offset: UInt32(bytes.count), type: entry.pointee.d_type,
                    inode: UInt64(entry.pointee.d_ino)))
            bytes.append(contentsOf: UnsafeBufferPointer(start: name, count: strlen(name) + 1))
        }
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            names.sort { strcmp(base + Int($0.offset), base + Int($1.offset)) < 0 }
        }
    }

    func withName<Result>(_ index: Int, _ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { preconditionFailure("an index into no names") }
            return try body(base + Int(names[index].offset))
        }
    }

    private static let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
}
