// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
import KecsSystem
public import SystemPackage

/// A file of a backup that `SHA256SUMS` names.
public struct PartFile: Hashable, Sendable {
    /// Its path in the backup's folder: "data.tar.gz", "minio/0001.tar.gz".
    public var name: String
    public var bytes: Int64
    /// In lower-case hex.
    public var sha256: String
}

extension Manifest.Part {
    /// The path, in the backup's folder, of the file with the digest of the manifest: the archive, or the list of segments.
    public var digestFile: String { isSegmented ? "\(file)/\(SegmentList.fileName)" : file }

    /// The files that the part consists of.
    ///
    /// - Parameter folder: The backup's.
    /// - Throws: `FileError`; `BackupDamage` for a list that the manifest does not name.
    public func files(in folder: FilePath) throws -> [PartFile] {
        guard isSegmented else { return [PartFile(name: file, bytes: bytes, sha256: sha256)] }
        let list = try segmentList(in: folder.appending(file))
        return [PartFile(name: digestFile, bytes: Int64(list.encoded.count), sha256: sha256)]
            + list.segments.map { PartFile(name: "\(file)/\($0.file)", bytes: $0.bytes, sha256: $0.sha256) }
    }

    /// The list of a segmented part.
    ///
    /// - Parameter place: The part's folder.
    /// - Throws: `FileError` when it cannot be read; `BackupDamage` when the manifest does not name it.
    public func segmentList(in place: FilePath) throws -> SegmentList {
        let found: (list: SegmentList, sha256: String)
        do {
            found = try SegmentList.read(in: place)
        } catch let error as ArchiveError {
            throw BackupDamage(file: digestFile, why: error.why)
        } catch let error as FileError where error.saysItIsNotThere {
            throw BackupDamage(file: digestFile, why: "the file is missing")
        }
        guard found.sha256 == sha256 else {
            throw BackupDamage(
                file: digestFile, why: "its SHA-256 is \(found.sha256) instead of \(sha256)")
        }
        guard found.list.segments.count == segments, found.list.bytes == bytes,
            found.list.entries == entries, found.list.sourceBytes == sourceBytes
        else { throw BackupDamage(file: digestFile, why: "it does not agree with the manifest") }
        return found.list
    }

    /// Whether all files are there with their sizes.
    ///
    /// - Parameters:
    ///   - place: The archive's file, or the folder of a segmented part.
    ///   - isBrief: True to only count segments, of which there are thousands in each of many backups.
    /// - Throws: `FileError` when that cannot be determined; `BackupDamage` when they are not.
    public func checkPresence(at place: FilePath, isBrief: Bool = false) throws {
        func check(_ name: String, _ file: FilePath, _ size: Int64) throws {
            guard let status = try FileStatus.of(file) else {
                throw BackupDamage(file: name, why: "the file is missing")
            }
            guard status.kind == .file, status.size == size else {
                throw BackupDamage(file: name, why: "it has \(status.size) bytes instead of \(size)")
            }
        }
        guard isSegmented else { return try check(file, place, bytes) }
        guard try place.isFolder else { throw BackupDamage(file: file, why: "it is no folder of segments") }
        let list = place.appending(SegmentList.fileName)
        if isBrief, try FileStatus.of(list)?.kind == .file, try SegmentList.digest(in: place) == sha256,
            try place.entryCount() == (segments ?? 0) + 1
        {
            return
        }
        // Names what is missing or wrong.
        for segment in try segmentList(in: place).segments {
            try check("\(file)/\(segment.file)", place.appending(segment.file), segment.bytes)
        }
    }
}

extension FileError {
    fileprivate var saysItIsNotThere: Bool {
        [.noSuchFileOrDirectory, .isDirectory, .notDirectory, .invalidArgument, .fileTooLarge].contains(errno)
    }
}
