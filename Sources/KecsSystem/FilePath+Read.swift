// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Reads the whole file. For small files that are ours: config, manifests, journals.
    ///
    /// - Parameter limit: A larger file is an error (EFBIG), so that a wrong path cannot fill the memory.
    /// - Throws: `FileError`; EINVAL for anything but a file: reading a FIFO would wait, a device has no end.
    public func contents(limit: Int = 64 << 20) throws -> [UInt8] {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        let kind = try FileStatus.of(descriptor: file, at: self).kind
        // A descriptor from the caller itself may be a pipe.
        guard kind == .file || (kind == .fifo && starts(with: "/dev")) else {
            throw FileError("read, as it is no file:", self, .invalidArgument)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError.last("read", self)
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count > limit { throw FileError("read", self, .fileTooLarge) }
        }
    }

    /// True when something is there, a dangling link included.
    ///
    /// - Throws: `FileError` when that cannot be determined (EACCES, ENOTDIR, EIO …): neither "yes" nor "no".
    public var isPresent: Bool {
        get throws { try FileStatus.of(self) != nil }
    }

    /// True when a real folder is there, not a link to one.
    ///
    /// - Throws: `FileError` when that cannot be determined.
    public var isFolder: Bool {
        get throws { try FileStatus.of(self)?.kind == .folder }
    }

    /// Returns the names in a folder, as raw bytes because strings may not hold them, without `.` and `..`, sorted by
    /// bytes.
    public func entries() throws -> [FilePath.Component] {
        var names: [[UInt8]] = []
        try forEachName { _, name in
            names.append(Array(UnsafeRawBufferPointer(start: name.text, count: strlen(name.text))))
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names.compactMap { FilePath(bytes: $0).lastComponent }
    }

    /// The number of names in a folder, without `.` and `..`.
    public func entryCount() throws -> Int {
        var count = 0
        try forEachName { _, _ in count += 1 }
        return count
    }

    /// Hands over what lies in a folder, in no order; nothing below is looked at.
    public func forEachStatus(_ body: (FileStatus) throws -> Void) throws {
        try forEachName { folder, name in
            var raw = Glibc.stat()
            guard fstatat(folder, name.text, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
                if errno == ENOENT { return }
                throw FileError.last("look into", self)
            }
            try body(FileStatus(raw))
        }
    }

    /// A name in a folder, as readdir(3) gives it.
    struct ListedName {
        /// Valid until the next one.
        var text: UnsafePointer<CChar>
        /// As stat(2) has it on the file systems of Linux itself; others may give anything. Of a mount point, the folder
        /// below it.
        var inode: UInt64
        /// `DT_REG`, `DT_DIR` …; `DT_UNKNOWN` where the file system does not tell.
        var type: Int
    }

    /// - Parameter body: Receives the folder's descriptor and each name but `.` and `..`, in no order.
    func forEachName(_ body: (CInt, ListedName) throws -> Void) throws {
        let descriptor = withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard descriptor >= 0 else { throw FileError.last("list", self) }
        guard let folder = fdopendir(descriptor) else {
            close(descriptor)
            throw FileError.last("list", self)
        }
        defer { closedir(folder) }
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { throw FileError.last("list", self) }
                return
            }
            try withUnsafePointer(to: &entry.pointee.d_name) {
                try $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    guard strcmp(name, ".") != 0, strcmp(name, "..") != 0 else { return }
                    try body(
                        dirfd(folder),
                        ListedName(
                            text: name, inode: UInt64(entry.pointee.d_ino), type: Int(entry.pointee.d_type)))
                }
            }
        }
    }

    /// The path without any link in it.
    ///
    /// - Throws: `FileError`, also when the path leads nowhere, or through a link that another user may have made.
    public func realPath() throws -> FilePath {
        let path = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
            withPlatformString { paths_resolve($0, room.baseAddress) }.map { FilePath(platformString: $0) }
        }
        guard let path else { throw FileError.last("resolve", self) }
        return path
    }

    /// The path without links, as far as it exists.
    public func resolved() -> FilePath {
        if let path = try? realPath() { return path }
        let above = removingLastComponent()
        guard let name = lastComponent, above != self, !above.isEmpty else { return self }
        return above.resolved().appending(name)
    }

    /// Creates the folder, and those above it, with `mode`. An existing one is left as it is.
    public func createFolder(mode: CModeT = 0o700) throws {
        if withPlatformString({ paths_mkdir($0, mode) }) == 0 { return }
        switch errno {
        case EEXIST:
            // A link to a folder counts as a folder: its owner set it up on purpose.
            let folder = withPlatformString { paths_folder($0) }
            guard folder >= 0 else { throw FileError("create the folder", self, .notDirectory) }
            close(folder)
        case ENOENT:
            let above = removingLastComponent()
            guard above != self, !above.isEmpty else { throw FileError.last("create the folder", self) }
            try above.createFolder(mode: mode)
            guard withPlatformString({ paths_mkdir($0, mode) }) == 0 || errno == EEXIST else {
                throw FileError.last("create the folder", self)
            }
        default: throw FileError.last("create the folder", self)
        }
    }
}

extension FilePath {
    /// Returns the first bytes of a regular file; fewer when it is shorter.
    public func prefix(_ count: Int) throws -> [UInt8] {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        guard try FileStatus.of(descriptor: file, at: self).kind == .file else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(file, &bytes, count, 0)
        guard got >= 0 else { throw FileError.last("read", self) }
        return Array(bytes.prefix(got))
    }
}
