// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// Gives a home's owner what root made there: after `sudo kecsctl restore` the user's own commands go on working.
///
/// What an instance's server writes, and the trees that a restore keeps or unpacks, have owners of their own and are
/// left alone. So is what lies behind a link or on another file system: the home's owner could lead root to anything.
public struct KeepHomeOwner: Sendable {
    private let home: Home

    public init(home: Home) { self.home = home }

    /// Does nothing for another user than root, and in root's own home.
    ///
    /// - Returns: The errors for what could not be given away.
    public func run() -> [FileError] {
        guard Machine.userID == 0 else { return [] }
        var run = Run()
        do {
            guard let status = try FileStatus.following(home.path), status.owner != 0 else { return [] }
            run.owner = (status.owner, status.group)
            run.device = status.device
            run.give(in: home)
        } catch { run.note(error) }
        return run.errors
    }

    private struct Run {
        var owner: (user: UInt32, group: UInt32) = (0, 0)
        var device: UInt64 = 0
        var errors: [FileError] = []

        /// Gives what lies in the home, and not the home itself.
        mutating func give(in home: Home) {
            for path in entries(home.path) {
                guard give(path) else { continue }
                guard path == home.instances else {
                    everything(in: path)
                    continue
                }
                for instance in entries(path) where give(instance) {
                    giveOwn(of: InstanceFolder(path: instance))
                }
            }
        }

        private mutating func giveOwn(of instance: InstanceFolder) {
            for path in entries(instance.path) {
                switch path {
                case instance.data, instance.objectStore: continue
                case instance.previous, instance.restoring:
                    guard give(path) else { continue }
                    for restore in entries(path) where give(restore) {
                        _ = give(restore.appending(Swap.recordName))
                    }
                default:
                    if give(path) { everything(in: path) }
                }
            }
        }

        private mutating func everything(in folder: FilePath) {
            for path in entries(folder) where give(path) { everything(in: path) }
        }

        /// Gives one of root's files or folders away. A file with several names may be somebody else's.
        ///
        /// - Returns: True for a folder to look into.
        private mutating func give(_ path: FilePath) -> Bool {
            do {
                guard let status = try FileStatus.of(path), status.device == device else { return false }
                if status.owner == 0, status.kind != .file || status.links == 1 { try path.setOwner(owner) }
                return status.kind == .folder
            } catch {
                note(error)
                return false
            }
        }

        private mutating func entries(_ folder: FilePath) -> [FilePath] {
            do {
                return try folder.entries().map { folder.appending($0) }
            } catch {
                note(error)
                return []
            }
        }

        mutating func note(_ error: any Error) {
            // What another command has removed meanwhile needs no owner.
            guard let error = error as? FileError, error.errno != .noSuchFileOrDirectory else { return }
            errors.append(error)
        }
    }
}
