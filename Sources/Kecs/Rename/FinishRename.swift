// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Carries out the remaining steps of `rename.json`: each step can be repeated.
public struct FinishRename: Sendable {
    let site: Site
    let schedules: InstallSchedule

    public init(site: Site, schedules: InstallSchedule) {
        self.site = site
        self.schedules = schedules
    }

    /// Finishes or rolls back a killed rename; called before every command.
    ///
    /// - Returns: Sentences for people; none when there is nothing to do.
    public func run(command: String) async throws -> [String] {
        // The command itself reports a home that this user may not read.
        guard (try? site.home.renaming.isPresent) == true, try RenameRecord.read(site.home) != nil else {
            return []
        }
        // A rename that is running now holds the lock, and takes a moment.
        return try await FileLock.hold(
            site.home.lock, command: command, wait: .seconds(30), clock: site.machine.clock,
            cancellation: site.machine.cancellation
        ) {
            guard let record = try RenameRecord.read(site.home) else { return [] }
            let folder = site.home.instances.appending(
                (try name(record.from).isPresent ? record.from : record.to).description)
            guard try folder.isPresent else {
                try RenameRecord.close(site.home)
                return []
            }
            // A process that waited for the instance when its rename was killed may be working on it.
            return try await FileLock.hold(
                InstanceFolder(path: folder).lock, command: command, wait: .seconds(30),
                clock: site.machine.clock, cancellation: site.machine.cancellation
            ) {
                guard try await apply(record.from, record.to) else {
                    return [
                        "took back the renaming of “\(record.from)” to “\(record.to)”, which was interrupted on "
                            + "\(record.startedAt): there is another “\(record.to)” now"
                    ]
                }
                let notes = await moveSchedule(record.from, record.to).notes
                try RenameRecord.close(site.home)
                return [
                    "finished the renaming of “\(record.from)” to “\(record.to)”, which was interrupted on "
                        + "\(record.startedAt)"
                ] + notes
            }
        }
    }

    private func name(_ name: InstanceName) -> FilePath { site.home.instances.appending(name.description) }

    private func store(_ name: InstanceName) -> FilePath { site.home.backups.appending(name.description) }

    /// Renames the folders, then the old name in their content. Under the locks of the home and of the instance.
    ///
    /// - Returns: False when another process created the new instance meanwhile: everything is then as before.
    func apply(_ old: InstanceName, _ new: InstanceName) async throws -> Bool {
        if try name(old).isPresent {
            guard try !name(new).isPresent else {
                if try store(new).isPresent, try !store(old).isPresent {
                    try store(new).renameWithoutReplacing(to: store(old))
                    try site.home.backups.sync()
                }
                try RenameRecord.close(site.home)
                return false
            }
            if try store(old).isPresent, try !store(new).isPresent {
                try store(old).renameWithoutReplacing(to: store(new))
                try site.home.backups.sync()
            }
            try name(old).renameWithoutReplacing(to: name(new))
            try site.home.instances.sync()
        }
        let folder = site.home.folder(of: new)
        let moved = MovedFolder(from: name(old), to: name(new))
        // The record of a restore names the places of its trees; `undo` sorts by the record's time.
        for record in try folder.previous.isPresent ? folder.previous.entries() : [] {
            try rewrite(folder.previous.appending(record).appending(Swap.recordName), moved)
        }
        var config = try InstanceConfig.read(folder.config)
        config.name = new.description
        config.settings = config.settings.mapValues(moved.value)
        try config.write(to: folder.config)
        return true
    }

    private func rewrite(_ file: FilePath, _ moved: MovedFolder) throws {
        guard try file.isPresent, let status = try FileStatus.of(file) else { return }
        try file.checkIsOurFile()
        let swap = try JSONFile.read(Swap.self, from: file).complete(beside: file)
        let now = moved.swap(swap)
        guard now != swap else { return }
        try JSONFile.write(now.written(beside: file), to: file)
        try file.setModified(status.modified)
    }

    /// Moves the schedule. It is no part of the instance: a failure is reported, with the way to do it by hand.
    func moveSchedule(
        _ old: InstanceName, _ new: InstanceName, dryRun: Bool = false
    ) async -> (lines: [String], notes: [String]) {
        do {
            return (try await schedules.move(old, to: new, dryRun: dryRun), [])
        } catch {
            let failure = Failure.describing(error, doing: "move the schedule of “\(old)”")
            return (
                [],
                [
                    "the schedule still names “\(old)” (\(failure.sentence)); "
                        + "repair it with “kecsctl schedule remove \(old)” and “kecsctl schedule install \(new)” with the options it had"
                ]
            )
        }
    }
}

extension FilePath {
    /// Sets the time of a file of ours.
    fileprivate func setModified(_ moment: Moment) throws {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        let time = timespec(tv_sec: Int(moment.seconds), tv_nsec: Int(moment.nanoseconds))
        guard futimens(file, [time, time]) == 0 else { throw FileError.last("set the time of", self) }
    }
}
