// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// `duty.json`: an instance is down that must run. Written when it could not be started, and when a killed operation
/// left it down. Ends when the instance runs, or when the user cancels it with `stop`.
///
/// A journal names the changes that an operation is about to make. It is closed at the operation's end, successful or
/// not. Work that remains then is a duty: each later command that changes the instance retries it, within
/// `FulfilDuty.limit`.
public struct Duty: Codable, Hashable, Sendable {
    public static let currentVersion = 1

    public var version = Duty.currentVersion
    /// The operation that left it behind: "backup".
    public var operation: String
    /// The time since which it was not seen running.
    public var since: Moment
    /// The reason why it does not run: the last failure in words.
    public var because: String
    /// True when something of it may be frozen, or a helper of a runtime may be left. Nil is no.
    public var mayBeFrozen: Bool?
    /// True when it may have been told to end and not have ended yet. Nil is no.
    public var mayBeStopped: Bool?
    /// True when it must run; false when only helpers for examining it have to be removed. Nil is yes.
    public var mustRun: Bool?
    /// The number of failed attempts to start it; `triedAt`, the time of the last one.
    public var tries: Int
    public var triedAt: Moment?

    public init(
        operation: String, since: Moment, because: String, mayBeFrozen: Bool = false,
        mayBeStopped: Bool = false, mustRun: Bool = true, tries: Int = 0, triedAt: Moment? = nil
    ) {
        self.operation = operation
        self.since = since
        self.because = because
        self.mayBeFrozen = mayBeFrozen ? true : nil
        self.mayBeStopped = mayBeStopped ? true : nil
        self.mustRun = mustRun ? nil : false
        self.tries = tries
        self.triedAt = triedAt
    }

    public var isDown: Bool { mustRun != false }

    /// The sentence for people: "down since …, because …".
    public var sentence: String {
        isDown
            ? "down since \(since), because \(because)"
            : "helpers of the \(operation) of \(since) are left, because \(because)"
    }

    /// Returns a sentence on the next retry, and the way to retry now.
    public static func nextTry(_ name: InstanceName) -> String {
        Remedy.line(
            "the next command that changes “\(name)”, a scheduled backup too, or now: kecsctl start \(name)")
    }

    /// Reads the duty. An unreadable record still means that the instance must run, and blocks no command.
    public static func read(_ file: FilePath) throws -> Duty? {
        guard let status = try FileStatus.of(file) else { return nil }
        do {
            let duty = try JSONFile.read(Duty.self, from: file)
            guard duty.version == currentVersion else {
                throw JSONFileError(
                    path: file,
                    why: "it has version \(duty.version), this kecsctl reads version \(currentVersion)")
            }
            return duty
        } catch let error as JSONFileError {
            return Duty(
                operation: "unknown", since: status.modified,
                because: "\(error.path) cannot be read: \(error.why)")
        }
    }

    public func write(to file: FilePath) throws { try JSONFile.write(self, to: file) }

    /// Ends the duty: it is fulfilled, or the user cancelled it.
    public static func end(_ file: FilePath) throws {
        guard try file.isPresent else { return }
        try file.remove()
        try file.removingLastComponent().sync()
    }
}

extension Journal {
    /// Closes the journal of a finished operation that left its instance in another state than it must have. The duty
    /// is written first: if that is impossible, the journal stays, with the same meaning.
    func settle(as duty: Duty, in folder: InstanceFolder) throws {
        try duty.write(to: folder.duty)
        try Journal.close(folder.journal)
    }
}
