// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

/// One digest over everything below a folder: names, kinds, modes, owners, times, links and bytes.
func treeDigest(_ root: FilePath, leavingOut names: Set<String> = []) throws -> String {
    var text = ""
    func walk(_ folder: FilePath, _ path: [UInt8]) throws {
        for name in try folder.entries() where !names.contains(name.string) {
            let entry = folder.appending(name)
            guard let status = try FileStatus.of(entry) else { continue }
            let below = path + [UInt8(ascii: "/")] + name.bytes
            text += "\(below) \(status.kind) \(status.mode) \(status.owner) \(status.group) "
            switch status.kind {
            case .file:
                text += "\(status.size) \(status.modified.seconds).\(status.modified.nanoseconds) "
                text += try digest(of: entry, cancellation: Cancellation()).sha256
            case .symlink: text += "\(try entry.linkTarget())"
            case .folder: try walk(entry, below)
            default: break
            }
            text += "\n"
        }
    }
    try walk(root, [])
    return sha256(Array(text.utf8))
}
