// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// A separate home in which a clone is made: `instances/.NAME.cloning/`. A visible clone is complete. A draft without a
/// lock was left by a killed run and is removed.
struct CloneDraft: Sendable {
    private static let suffix = ".cloning"

    let site: Site
    /// The site of the draft: no variable of this process and no settings of the real home reach into it, and nothing
    /// runs.
    let inside: Site
    private let folder: FilePath
    private let lock: FileLock

    /// - Throws: `Failure(.busy)` while another kecsctl makes a clone of this name.
    init(_ site: Site, for name: InstanceName, command: String) async throws {
        self.site = site
        folder = site.home.instances.appending(".\(name)\(Self.suffix)")
        try folder.createFolder()
        try folder.checkIsOurs()
        do {
            lock = try await FileLock.acquire(
                folder.appending("lock"), command: command, clock: site.machine.clock,
                cancellation: site.machine.cancellation)
        } catch is LockHeld {
            throw Self.isMade(name)
        } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
            throw Self.isMade(name)
        }
        // Of a killed run.
        for entry in try folder.entries() where entry.string != "lock" {
            try folder.appending(entry).removeTree()
        }
        var machine = site.machine
        machine.environment = machine.environment.filter { ["HOME", "PATH", "TMPDIR"].contains($0.key) }
        var inside = site
        inside.machine = machine
        inside.home = Home(folder)
        self.inside = inside
    }

    private static func isMade(_ name: InstanceName) -> Failure {
        Failure(
            .busy, "“\(name)” is being cloned by another kecsctl",
            remedy: Remedy.again(with: "--wait-lock", "5m") ?? "kecsctl list")
    }

    /// Makes the clone visible.
    func commit(_ name: InstanceName) throws {
        let made = inside.home.folder(of: name).path
        try made.syncFileSystem()
        do {
            try made.renameWithoutReplacing(to: site.home.instances.appending(name.description))
        } catch let error as FileError where error.errno == .fileExists {
            throw site.isTaken(name)
        }
        try site.home.instances.sync()
    }

    func close() {
        lock.unlock()
        folder.discard(into: site.home.instances)
    }

    /// Removes the leftovers of killed runs.
    static func sweep(_ site: Site) async throws {
        guard try site.home.instances.isFolder else { return }
        for name in try site.home.instances.entries()
        where name.string.hasPrefix(".") && name.string.hasSuffix(suffix) {
            let draft = site.home.instances.appending(name)
            let lock: FileLock
            do {
                lock = try await FileLock.acquire(
                    draft.appending("lock"), command: "clone", clock: site.machine.clock,
                    cancellation: site.machine.cancellation)
            } catch is LockHeld { continue } catch is FileError { continue }
            draft.discard(into: site.home.instances)
            lock.unlock()
        }
    }
}
