// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
public import SystemPackage

/// `move.json`: how far the move of an instance to another machine is. The next “move” goes on from there; of one that is
/// done it says where the instance is now.
public struct MoveRecord: Codable, Hashable, Sendable {
    public enum Phase: String, Codable, Sendable {
        /// A backup is on its way.
        case copying
        /// It is in place there, verified.
        case landed
        /// It runs there, and still here.
        case started
        /// It was stopped here; what was written last is on its way.
        case stopped
        /// All of it is there, and runs there if it ran. The other end may have heard already that the move is done, and have
        /// forgotten it: it is told again, and asked nothing.
        case arrived
        case done
    }

    public var version = 1
    public var to: String
    /// The home there.
    public var home: String?
    /// The backup that goes there first.
    public var backup: BackupID
    public var phase: Phase
    /// True when it ran here when the move began.
    public var ran: Bool
    public var startedAt: Moment
    /// When it was done.
    public var movedAt: Moment?

    /// Of one that was cut off.
    func sentence(_ name: InstanceName) -> String {
        "its move to \(to), begun on \(startedAt), is not finished; resume it with: kecsctl move \(name) "
            + ShellWords.quote([to])
    }

    public var isDone: Bool { phase == .done }

    public static func read(_ file: FilePath) throws -> MoveRecord? {
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        return try JSONFile.read(MoveRecord.self, from: file)
    }

    func write(to file: FilePath) throws { try JSONFile.write(self, to: file) }
}
