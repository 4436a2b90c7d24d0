// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
public import SystemPackage

/// The data folder of an object store, read without a server: MinIO's on a single drive, or versitygw's. The format is
/// recognised for each object, because both keep buckets as folders.
public final class ObjectStore: Sendable {
    let folder: StoreFolder
    public var path: FilePath { folder.path }

    /// - Throws: `FileError`.
    public init(_ path: FilePath) throws { folder = try StoreFolder(path) }

    /// Returns the folders at the top that can be buckets.
    public func buckets() throws -> [String] {
        try (folder.names("") ?? []).filter { name in
            guard !name.hasPrefix(".") else { return false }
            return try folder.status(name)?.kind == .folder
        }
    }

    /// Returns the names directly below a path of folders; nil when there is no such folder. The servers' own files are
    /// left out.
    public func names(in path: String) throws -> [String]? {
        try folder.names(path)?.filter { !$0.hasPrefix(".sgwtmp") && !$0.hasSuffix("__XLDIR__") }
    }

    /// Returns true when the path is a folder that is not an object.
    public func isPrefix(_ path: String) throws -> Bool {
        guard try folder.status(path)?.kind == .folder else { return false }
        return try folder.status(path + "/xl.meta") == nil
    }

    /// Returns the newest version of the object under a path.
    ///
    /// - Parameter path: The bucket, a slash, the key.
    /// - Throws: `ObjectProblem`, `FileError`.
    public func object(_ path: String) throws -> ObjectLookup {
        guard let status = try folder.status(path) else { return .absent }
        switch status.kind {
        case .file: return try plain(path)
        case .folder: return try erasure(path)
        case .symlink:
            throw ObjectProblem(.damaged, path, "it is a symbolic link, and links are not followed")
        default: throw ObjectProblem(.damaged, path, "it is neither a file nor a folder")
        }
    }

    private func plain(_ path: String) throws -> ObjectLookup {
        guard let (file, status) = try folder.openFile(path) else { return .absent }
        defer { close(file) }
        return .found(
            StoredObject(
                path: path, size: status.size, modified: status.modified, layout: .plain,
                etag: Self.attribute("user.etag", of: file), seal: nil, content: .file))
    }

    /// Returns an extended attribute; nil where there is none, or where the file system has no attributes: then nothing
    /// is compared with it.
    private static func attribute(_ name: String, of file: CInt) -> String? {
        var value = [UInt8](repeating: 0, count: 128)
        let count = clinux_get_xattr(file, name, &value, UInt64(value.count))
        guard count > 0 else { return nil }
        return String(decoding: value[..<Int(count)].filter { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }

    /// Returns the folders with parts that the versions of an object of MinIO have.
    ///
    /// - Returns: Nil when it is no such object, or one of its versions is of a form that is not read.
    func dataFolders(of path: String) throws -> Set<String>? {
        try contents(path + "/xl.meta", of: path).flatMap { try ObjectMetadata($0, of: path).dataFolders }
    }

    private func erasure(_ path: String) throws -> ObjectLookup {
        guard let bytes = try contents(path + "/xl.meta", of: path) else {
            if try folder.status(path + "/xl.json") != nil {
                throw ObjectProblem(
                    .unreadable, path, "it was written by a MinIO of before 2020 (xl.json), which is not read"
                )
            }
            return .absent
        }
        let metadata = try ObjectMetadata(bytes, of: path)
        switch metadata.newest {
        case .none: return .absent
        case .deleted: return .deleted
        case .legacy:
            throw ObjectProblem(
                .unreadable, path,
                "its newest version was written by a MinIO of before 2020, which is not read")
        case .object(let version):
            return .found(
                StoredObject(
                    path: path, size: version.size,
                    modified: Moment(nanoseconds: version.modifiedNanoseconds),
                    layout: .minio, etag: version.etag, seal: version.seal,
                    content: try content(version, metadata, bytes, path)))
        }
    }

    private func content(
        _ version: ObjectVersion, _ metadata: ObjectMetadata, _ bytes: [UInt8], _ path: String
    ) throws -> StoredObject.Content {
        if let range = metadata.inlineData[version.inlineName] {
            guard Int64(range.count) == version.storedSize(of: version.size) else {
                throw ObjectProblem(
                    .damaged, path,
                    "its data are \(range.count) bytes long, and should be \(version.storedSize(of: version.size))"
                )
            }
            return .inline(Array(bytes[range]), blockSize: version.blockSize)
        }
        guard !version.isInline || version.size == 0 else {
            throw ObjectProblem(.damaged, path, "its data are missing in xl.meta")
        }
        return .parts(version.parts, folder: version.dataFolder, blockSize: version.blockSize)
    }

    private func contents(_ name: String, of object: String) throws -> [UInt8]? {
        guard let (file, status) = try folder.openFile(name) else { return nil }
        defer { close(file) }
        guard status.size <= Int64(ObjectMetadata.sizeLimit) else {
            throw ObjectProblem(
                .unreadable, object, "its xl.meta is larger than \(ObjectMetadata.sizeLimit) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.size))
        let count = try bytes.withUnsafeMutableBytes {
            try readFully(file, into: $0, at: 0, of: path.appending(name))
        }
        guard count == bytes.count else {
            throw ObjectProblem(.damaged, object, "its xl.meta became shorter while it was read")
        }
        return bytes
    }
}

extension Moment {
    /// Creates a moment from the nanoseconds since 1970.
    fileprivate init(nanoseconds: Int64) {
        let (quotient, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(
            seconds: rest < 0 ? quotient - 1 : quotient,
            nanoseconds: Int32(rest < 0 ? rest + 1_000_000_000 : rest))
    }
}
