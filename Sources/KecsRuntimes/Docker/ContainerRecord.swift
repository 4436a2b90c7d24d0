// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// `containers.json`: the state of the containers before an operation pauses or stops them, so that each returns to it
/// afterwards. A container that its owner had paused or stopped is left as it was.
struct ContainerRecord: Codable, Hashable, Sendable {
    var version = 1
    /// The time at which the operation began, according to its journal. Another operation's record means nothing.
    var since: Moment?
    /// The containers that this operation pauses.
    var frozen: [String] = []
    /// The containers that ran, or were paused, before the operation stopped anything.
    var ran: [String] = []
    var paused: [String] = []

    /// Returns the record of the current operation so far.
    static func current(_ folder: InstanceFolder) throws -> ContainerRecord {
        // The duty of an operation that could not restart the containers has the operation's time.
        let since = try Journal.read(folder.journal)?.startedAt ?? Duty.read(folder.duty)?.since
        guard try folder.containers.isPresent else { return ContainerRecord(since: since) }
        let record = try JSONFile.read(ContainerRecord.self, from: folder.containers)
        return record.since == since ? record : ContainerRecord(since: since)
    }

    func write(_ folder: InstanceFolder) throws {
        guard try folder.path.isFolder else { return }
        if frozen.isEmpty, ran.isEmpty, paused.isEmpty {
            if try folder.containers.isPresent { try folder.containers.remove() }
        } else {
            try JSONFile.write(self, to: folder.containers)
        }
    }

    /// Forgets the stopped containers, which run again.
    static func forgetStopped(_ folder: InstanceFolder) throws {
        var record = try current(folder)
        record.ran = []
        record.paused = []
        try record.write(folder)
    }
}
