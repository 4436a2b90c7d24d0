// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Writes a small file to a remote, renames it where copies are renamed, reads it back, and takes it away.
public struct TestRemote: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Returns: What to know about the remote, in sentences.
    public func run(_ remote: Remote) async throws -> [String] {
        let rclone = try Rclone(machine: site.machine, remote: remote)
        let folder = ".kecsctl-test-\(hex(site.machine.random(8)))"
        let scratch = try site.scratch(for: ByteCount(1 << 20))
        defer { scratch.discardQuietly() }
        let bytes = site.machine.random(4096)
        let file = scratch.appending("probe")
        try file.replaceContents(bytes)
        let found: String?
        do {
            if try await rclone.abilities().isBucket {
                try await rclone.upload(file, to: "\(folder)/probe")
            } else {
                try await rclone.upload(file, to: "\(folder)/.draft")
                try await rclone.move("\(folder)/.draft", to: "\(folder)/probe")
            }
            found = try await rclone.digests(folder)["probe"]
        } catch {
            // What could be written goes; why the rest could not is what is told.
            for name in [".draft", "probe"] { try? await rclone.remove(file: "\(folder)/\(name)") }
            try? await rclone.removeIfEmpty(folder)
            throw error
        }
        var notes: [String] = []
        do {
            try await rclone.remove(file: "\(folder)/probe")
            try await rclone.removeIfEmpty(folder)
        } catch let failure as Failure where failure.kind == .unreachable {
            // Copies need nothing removed; who can still be asked has refused.
            _ = try await rclone.list(folder)
            notes.append(
                "the remote refuses to remove what was written (\(folder)): copies stay, whatever its retention says"
                    + (failure.cause.map { ": \($0)" } ?? ""))
        }
        guard found == sha256(bytes) else {
            throw Failure(
                .damaged, "the remote “\(remote.name)” gives back other bytes than it was given",
                remedy: "rclone lsf \(ShellWords.quote([rclone.path("")]))")
        }
        return notes
    }
}
