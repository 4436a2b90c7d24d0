// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// `journal.json`: the changes that an operation is about to make, written before it makes them. With it, the next
/// kecsctl on that instance finishes a killed operation or rolls it back.
public struct Journal: Codable, Hashable, Sendable {
    public static let currentVersion = 1

    public var version = Journal.currentVersion
    /// "backup", "restore", "stop" …: for people.
    public var operation: String
    public var startedAt: Moment
    /// True when the instance must run at the end: it ran before, or the operation was a start.
    public var runsAfterwards: Bool
    /// True when it may be frozen.
    public var mayBeFrozen: Bool
    /// True when it may have been told to end. An engine continues with that when its client is gone, so that a server
    /// which seems to run may end soon. Nil is no.
    public var mayBeStopped: Bool?
    /// The process that wrote it. Processes that it started may outlive it.
    public var process: ProcessIdentity?
    public var swap: Swap?
    /// The volumes that are filled before the swap; while it is `.swapping`, each may be half full.
    public var fills: [VolumeFill]?

    public init(
        operation: String, startedAt: Moment, runsAfterwards: Bool, mayBeFrozen: Bool = false,
        mayBeStopped: Bool = false, swap: Swap? = nil
    ) {
        self.operation = operation
        self.startedAt = startedAt
        self.runsAfterwards = runsAfterwards
        self.mayBeFrozen = mayBeFrozen
        self.mayBeStopped = mayBeStopped ? true : nil
        self.swap = swap
    }

    public struct VolumeFill: Codable, Hashable, Sendable {
        /// The part that the volume is; nil in journals of earlier versions.
        public var part: String?
        public var volume: String
        /// The new content.
        public var archive: PathText
        /// The earlier content; nil when it is not kept.
        public var kept: PathText?
    }

    public static func read(_ file: FilePath) throws -> Journal? {
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        var journal = try JSONFile.read(Journal.self, from: file)
        guard journal.version == currentVersion else {
            throw JSONFileError(
                path: file,
                why: "it has version \(journal.version), this kecsctl reads version \(currentVersion)")
        }
        journal.swap = try journal.swap?.complete(beside: file)
        try journal.swap?.check(recordedIn: file)
        return journal
    }

    public func write(to file: FilePath) throws {
        var journal = self
        journal.process = try ProcessIdentity.current()
        journal.swap = try swap?.written(beside: file)
        try JSONFile.write(journal, to: file)
    }

    /// Rolls the swap back. The exchange back is recorded before anything staged is removed: the next run must not try
    /// to finish with half of it.
    ///
    /// - Parameter cancellation: Leaves the removal of staged files to the next run.
    public mutating func takeBackSwap(at file: FilePath, _ cancellation: Cancellation? = nil) throws {
        guard let swap else { return }
        if swap.phase == .swapping {
            try swap.exchangeBack()
            self.swap?.phase = .staging
            do {
                try write(to: file)
            } catch {
                // On a full disk there is always enough space to remove a journal.
                try Journal.close(file)
            }
        }
        try swap.takeBack(cancellation)
    }

    /// Returns true when the present start resumes an instance after a backup or a restore, rather than starting it on
    /// a user's request. Then it must be the same as before, not a version with a changed image or file.
    public static func isStartingAgain(_ folder: InstanceFolder) throws -> Bool {
        guard let journal = try read(folder.journal) else {
            guard let duty = try Duty.read(folder.duty) else { return false }
            return duty.operation != "start" && duty.operation != "restart"
        }
        // The exchanged content of a migration is started for the first time.
        if journal.operation == runtimeMigration { return journal.swap?.phase != .swapping }
        return journal.operation != "start" && journal.operation != "restart"
    }

    /// The operation that changes the runtime of an instance: its configuration is exchanged together with its data.
    static let runtimeMigration = "migrate runtime"

    /// Ends the journal: the operation is over.
    public static func close(_ file: FilePath) throws {
        guard try file.isPresent else { return }
        try file.remove()
        let units = Swap.unitFile(beside: file)
        if try units.isPresent { try units.remove() }
        try file.removingLastComponent().sync()
    }
}
