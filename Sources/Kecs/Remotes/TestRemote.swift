// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Writes a small file to a remote, renames it, reads it back, and takes it away.
public struct TestRemote: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ remote: Remote) async throws {
        let rclone = try Rclone(machine: site.machine, remote: remote)
        let folder = ".kecsctl-test-\(hex(site.machine.random(8)))"
        let scratch = try site.scratch(for: ByteCount(1 << 20))
        defer { scratch.discardQuietly() }
        let bytes = site.machine.random(4096)
        let file = scratch.appending("probe")
        try file.replaceContents(bytes)
        let found: String?
        do {
            try await rclone.upload(file, to: "\(folder)/.draft")
            try await rclone.move("\(folder)/.draft", to: "\(folder)/probe")
            found = try await rclone.digests(folder)["probe"]
        } catch {
            // What could be written goes; why the rest could not is what is told.
            for name in [".draft", "probe"] { try? await rclone.remove(file: "\(folder)/\(name)") }
            try? await rclone.removeIfEmpty(folder)
            throw error
        }
        try await rclone.remove(file: "\(folder)/probe")
        try await rclone.removeIfEmpty(folder)
        guard found == sha256(bytes) else {
            throw Failure(
                .damaged, "the remote “\(remote.name)” gives back other bytes than it was given",
                remedy: "rclone lsf \(ShellWords.quote([rclone.path("")]))")
        }
    }
}
