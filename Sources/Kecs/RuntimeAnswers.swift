// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The known state of an instance's processes. Unknown never creates and never deletes.
public enum RuntimeState: Hashable, Sendable {
    case absent
    case stopped
    case running
    case paused
    case unknown(String)

    /// The spelling in `cli.md`.
    public var name: String {
        switch self {
        case .absent: "absent"
        case .stopped: "stopped"
        case .running: "running"
        case .paused: "paused"
        case .unknown: "unknown"
        }
    }

    public var isUnknown: Bool { if case .unknown = self { true } else { false } }

    /// True when processes may be writing, or may write when they are resumed.
    public var mayWrite: Bool {
        switch self {
        case .absent, .stopped: false
        case .running, .paused, .unknown: true
        }
    }
}

/// The way to back up a cluster's content.
public enum BackupEngine: String, Encodable, Sendable {
    /// kecsctl's own: folders and databases. Objects that exist only in the cluster are not in its backups.
    case files
    /// The objects in the cluster too, by Velero in it.
    case velero
}

/// The things outside of the home that carry an instance's name.
public enum NameTies: Hashable, Sendable {
    /// Nothing carries it.
    case free
    /// These carry it. `remove` removes them, without data, and the next start recreates them.
    case made([String])
    /// Something that cannot be renamed and whose loss a start does not repair, with the reason.
    case fixed(String)

    var isFree: Bool { self == .free }
}

/// The space of a volume out of reach; nil is unknown.
public struct VolumeRoom: Hashable, Sendable {
    public var used: ByteCount?
    public var free: ByteCount?
    /// A command line that shows what takes the space.
    public var remedy: String?

    public init(used: ByteCount? = nil, free: ByteCount? = nil, remedy: String? = nil) {
        self.used = used
        self.free = free
        self.remedy = remedy
    }
}

/// The server's view of the place where its database should be.
public enum ServerView: Hashable, Sendable {
    case database(SeenDatabase)
    /// No file at this path.
    case nothing(String)
    /// The server's view cannot be determined; the reason.
    case unknown(String)
}

public struct Endpoint: Hashable, Sendable, Encodable {
    /// "api", "admin"
    public var name: String
    public var url: String

    public init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}

/// Takes a server's log, piece by piece, its two streams apart.
public struct LogSink: Sendable {
    public var output: @Sendable ([UInt8]) throws -> Void
    public var errors: @Sendable ([UInt8]) throws -> Void

    public init(
        output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: @Sendable @escaping ([UInt8]) throws -> Void
    ) {
        self.output = output
        self.errors = errors
    }
}

/// The wanted part of a log.
public struct LogRequest: Hashable, Sendable {
    /// The number of lines from the end.
    public var tail: Int
    public var follow: Bool
    /// The oldest line to show, by its age.
    public var since: TimeSpan?

    public init(tail: Int, follow: Bool = false, since: TimeSpan? = nil) {
        self.tail = tail
        self.follow = follow
        self.since = since
    }

    /// The flags that docker and kubectl have in common. Both take whole seconds; a fraction is rounded up.
    public var words: [String] {
        var words = ["--tail=\(tail)"]
        if let since { words.append("--since=\((since.milliseconds + 999) / 1000)s") }
        if follow { words.append("--follow") }
        return words
    }

    /// The time limit of the program that prints the log: with `follow`, as long as the reader likes.
    public var limit: Duration { .seconds(follow ? 365 * 86_400 : 600) }
}
