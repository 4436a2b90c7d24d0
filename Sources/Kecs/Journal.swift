// SPDX-License-Identifier: Apache-2.0
import KecsStorage
public import KecsSystem
public import SystemPackage

/// `journal.json`: what an operation is about to do, written before it does it. A killed operation is finished or taken
/// back from it by the next kecsctl on that instance.
public struct Journal: Codable, Hashable, Sendable {
    public static let currentVersion = 1

    public var version = Journal.currentVersion
    /// "backup", "restore", "stop" …: for people.
    public var operation: String
    public var startedAt: Moment
    /// Whether the instance must run when all is over: it ran before, or the operation was to start it.
    public var runsAfterwards: Bool
    /// Whether it may be frozen.
    public var mayBeFrozen: Bool
    /// Whether it may have been told to end: an engine goes on with that when who asked for it is gone, so that what
    /// seems to run need not run for long. Nil is no.
    public var mayBeStopped: Bool?
    /// Who wrote it: what that process started may outlive it.
    public var process: ProcessIdentity?
    public var swap: Swap?
    /// Volumes that are filled before the swap; while it is `.swapping`, each may be half full.
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
        /// The part that the volume is; nil in what earlier versions wrote.
        public var part: String?
        public var volume: String
        /// What it is to hold.
        public var archive: PathText
        /// What it held before; nil when nothing is kept of it.
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

    /// Takes the swap back. Once the trees are exchanged back, that is written down before anything staged is removed:
    /// the next run must not try to finish with half of it.
    public mutating func takeBackSwap(at file: FilePath) throws {
        guard let swap else { return }
        if swap.phase == .swapping {
            try swap.exchangeBack()
            self.swap?.phase = .staging
            do {
                try write(to: file)
            } catch {
                // On a full disk there is still room for no journal at all.
                try Journal.close(file)
            }
        }
        try swap.takeBack()
    }

    /// Whether what starts now only runs again, after a backup or a restore, rather than being started by somebody: then
    /// it must be what it was, not what a changed image or file would make of it.
    public static func isStartingAgain(_ folder: InstanceFolder) throws -> Bool {
        guard let journal = try read(folder.journal) else {
            guard let duty = try Duty.read(folder.duty) else { return false }
            return duty.operation != "start" && duty.operation != "restart"
        }
        // What a migration has exchanged is started for the first time.
        if journal.operation == runtimeMigration { return journal.swap?.phase != .swapping }
        return journal.operation != "start" && journal.operation != "restart"
    }

    /// The operation that changes how an instance runs: its configuration changes hands with its data.
    static let runtimeMigration = "migrate runtime"

    /// The operation is over.
    public static func close(_ file: FilePath) throws {
        guard try file.isPresent else { return }
        try file.remove()
        let units = Swap.unitFile(beside: file)
        if try units.isPresent { try units.remove() }
        try file.removingLastComponent().sync()
    }
}
