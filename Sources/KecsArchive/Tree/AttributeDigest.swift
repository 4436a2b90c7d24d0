// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
public import SystemPackage

/// Returns a digest of owner, group, mode, ACL and attributes. When it changes, an archive has to be rewritten although
/// the bytes are the same.
///
/// - Parameter paths: Links are not followed. A missing path counts as such.
public func attributeDigest(of paths: [FilePath]) throws -> String {
    let digest = SHA256()
    func add(_ bytes: [UInt8]) {
        withUnsafeBytes(of: Int64(bytes.count).littleEndian) { digest.update($0) }
        bytes.withUnsafeBytes { digest.update($0) }
    }
    for path in paths {
        add(path.lastComponent?.bytes ?? [])
        // O_PATH: closing any other descriptor of a database would drop the locks this process holds on it.
        let file = path.withPlatformString { paths_open($0, clinux_o_path | O_NOFOLLOW | O_CLOEXEC, 0) }
        guard file >= 0 else {
            guard errno == ENOENT else { throw FileError.last("open", path) }
            add([])
            continue
        }
        defer { close(file) }
        let status = try FileStatus.of(descriptor: file, at: path)
        add(Array("\(status.mode) \(status.owner) \(status.group)".utf8))
        guard status.kind == .file || status.kind == .folder else { continue }
        for (key, value) in try Attributes.records(of: .pathDescriptor(file), path: path) {
            add(key)
            add(value)
        }
    }
    return digest.finish()
}
