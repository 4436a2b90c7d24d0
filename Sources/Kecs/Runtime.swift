// SPDX-License-Identifier: Apache-2.0
public import Glibc
public import KecsStorage
public import KecsSystem
public import SystemPackage

/// What is known of an instance's processes. Unknown never creates and never deletes.
public enum RuntimeState: Hashable, Sendable {
    case absent
    case stopped
    case running
    case paused
    case unknown(String)

    /// As `cli.md` spells it.
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

    /// Whether processes may be writing, or may be about to when they are resumed.
    public var mayWrite: Bool {
        switch self {
        case .absent, .stopped: false
        case .running, .paused, .unknown: true
        }
    }
}

/// How an instance runs. Everything is idempotent: calling twice is calling once.
///
/// Nothing above this protocol may assume containers, or that a part is a folder of this host.
public protocol Runtime: Sendable {
    /// Asks; never guesses: what cannot be told is `.unknown`.
    func state() async -> RuntimeState
    /// Brings the instance's processes up and waits until they answer, at most `limit`. Does nothing more when they run.
    func start(limit: Duration) async throws
    /// Waits until what runs is well, at most `limit`, and starts nothing: what `start` waits for.
    ///
    /// - Throws: `Failure` with what is wrong: `.timeout` when it did not become well, `.failed` when it has ended.
    func waitUntilHealthy(limit: Duration) async throws
    /// Ends the instance's processes and sees them ended. Does nothing when nothing runs.
    func stop(limit: Duration) async throws
    /// Why a stop would lose something that no start brings back: a container that is removed when it ends. Nil when it
    /// would not. `stop` refuses then; whoever is going to stop asks before anything is done.
    func lossWhenStopped() async throws -> Failure?
    /// Runs `body` while nothing of the instance can write, and lets it go on afterwards whatever happens.
    ///
    /// - Throws: `Failure` when it cannot be frozen; the body has not run then.
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value
    /// Lets go on what a killed run left frozen.
    func thaw() async throws
    /// What has bytes that belong into a backup.
    func parts() async throws -> [Part]
    /// What the server is given of the outside: its parts, present or not, and where it sees them.
    func serverSetup() async throws -> ServerSetup
    /// Where the control plane's data lies: a folder or a whole volume. Nil: in the instance's data folder.
    ///
    /// - Throws: `Failure` when it lies where nobody but the server can reach it.
    func statePlace() async throws -> Part.Place?
    /// Whom that data must belong to so that the server can write it; nil: whoever it belongs to.
    func dataOwner() async throws -> (user: UInt32, group: UInt32)?
    /// Where it answers, for people: "http://127.0.0.1:5373". Only what is really published; empty when nothing is.
    func endpoints() async -> [Endpoint]
    /// Whether a new instance is given ports. What somebody else made has those that it publishes, or none.
    var choosesPorts: Bool { get }
    /// Whether `start` would start a process at all: a local instance may be only data.
    var runsSomething: Bool { get }

    /// Finds out whether a first start can succeed, before anything of the instance exists; may fetch an image.
    ///
    /// - Returns: What was found by looking and holds from now on: where an adopted container keeps its data.
    func prepare() async throws -> [SettingKey: JSONValue]
    /// Whether the server makes its database on its first start: then nobody else may.
    var makesItsDatabase: Bool { get }
    /// Whether the control plane has data; nil when the data folder tells.
    func holdsState() async throws -> Bool?
    /// Where a volume's tree lies on this host; nil when it cannot be reached there.
    func folder(ofVolume name: String) async throws -> FilePath?
    /// Writes an uncompressed tar of a volume that cannot be reached on this host.
    ///
    /// - Throws: `Failure(.timeout)` when that would take longer than `limit`.
    func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws
    /// Makes such a volume hold what the archive holds and nothing else. Can be repeated after a kill.
    func fillVolume(_ name: String, from archive: FilePath) async throws
    /// Makes what exists only with a container, which is an anonymous volume, by making the container, and starts nothing.
    /// Does nothing where there is one. Called before a restore into an instance of which nothing is there.
    func makePlaces() async throws
    /// Sees to it that a volume is there and can be restored into; called before anything of it is touched.
    func makeReady(volume name: String) async throws
    /// How much such a volume holds and could hold.
    func room(inVolume name: String) async throws -> VolumeRoom
    /// Takes away what was made to run the instance, once it is stopped. Data stays.
    func remove() async throws
    /// Takes away what only this way of running needs, once the instance runs another way. Called when it is stopped.
    func leave() async throws
    /// Whether `remove` belongs to a stop, once a verified backup is there: a cluster goes, a container stays.
    var goesWhenStopped: Bool { get }
    /// A database as the server sees it; nil when nothing runs, or it runs on this host like any other program.
    ///
    /// - Parameter path: Inside of the container; `Inventory.pathInside` has it.
    func serverDatabase(at path: FilePath) async throws -> ServerView?
    /// Which processes are its own to stop.
    func ownProcesses() async throws -> Set<pid_t>
    /// Running containers of others that have something of these parts mounted: the same folder or volume, one around
    /// it, or one in it.
    func otherContainers(using parts: [Part]) async throws -> OtherContainers
    /// Hands over what the server wrote, and with `follow` what it writes from now on.
    ///
    /// - Returns: False when the server's log is a file of the instance.
    func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool
    /// Whether what runs the instance ended it by itself, as an engine does with containers that outlived it: nobody
    /// asked for that, so it is to run again.
    func wasTakenDown() async throws -> Bool
    /// Why nobody is served although what runs the instance is there; nil when there is nothing to say.
    func outage() async -> String?
    /// What outside of the home carries the instance's name.
    func nameTies() async throws -> NameTies
    /// Why a second instance cannot be made of this one's data; nil when it can.
    func obstacleToCloning() -> String?
    /// What can back up the objects in the instance's cluster; nil for a runtime without one.
    var backupEngine: BackupEngine? { get }
    /// Brings that up in a cluster that runs: its own failure, not the instance's.
    ///
    /// - Parameter limit: For each wait; zero: for none that can be left out.
    func bringUpBackupEngine(limit: Duration) async throws
    /// Backs up the objects in the cluster, reads the backup back on this host, and removes older ones. Nothing is stopped.
    ///
    /// - Throws: `Failure` when there is no backup that can be restored.
    func backUpCluster(_ request: ClusterBackupRequest) async throws -> ClusterBackup?
    /// The volumes of the cluster whose contents no such backup has.
    func lostVolumes() async throws -> [ClusterBackup.Volume]
    /// Ends what makes such backups, so that their folder is at rest; `bringUpBackupEngine` begins it again.
    /// - Parameter names: Backups to be removed while it is at rest.
    /// - Returns: Those that are removed.
    func restBackupEngine(removing names: [String], limit: Duration) async throws -> [String]
    /// The backup that a new cluster would be restored from.
    func clusterBackup(isDegraded: Bool) async throws -> String?
    /// Restores the objects of the cluster.
    ///
    /// - Returns: Nil when there is no backup to restore.
    /// - Throws: `Failure` when nothing of any was restored.
    func restoreCluster(_ request: ClusterRestoreRequest) async throws -> ClusterRestore?
    /// What such a restore would do; nothing is changed.
    func planClusterRestore(_ request: ClusterRestoreRequest) async throws -> ClusterRestorePlan?
    /// Lets backups be made again: none is while a restore is due.
    func openStore() async throws
    /// Whether the nodes of its cluster have the folder that such backups lie in; nil without a cluster.
    func seesStore() async throws -> Bool?
    /// Of the programs that it runs with: "docker": "28.2.2". Empty when they cannot be told.
    func versions() async -> [String: String]
}

extension Runtime {
    public func serverSetup() async throws -> ServerSetup {
        ServerSetup(
            parts: try await parts().map {
                InventoryPart(part: $0, role: PartRole(of: $0, inside: nil), presence: .present)
            }, endpoints: await endpoints())
    }
    public func waitUntilHealthy(limit: Duration) async throws {}
    public func lossWhenStopped() async throws -> Failure? { nil }
    public func ownProcesses() async throws -> Set<pid_t> { [] }
    public func otherContainers(using parts: [Part]) async throws -> OtherContainers { OtherContainers() }
    public func prepare() async throws -> [SettingKey: JSONValue] { [:] }
    public var makesItsDatabase: Bool { false }
    public var choosesPorts: Bool { runsSomething }
    public func holdsState() async throws -> Bool? { nil }
    public func folder(ofVolume name: String) async throws -> FilePath? { throw noVolumes(name) }
    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        throw noVolumes(name)
    }
    public func fillVolume(_ name: String, from archive: FilePath) async throws { throw noVolumes(name) }
    public func makeReady(volume name: String) async throws { throw noVolumes(name) }
    public func makePlaces() async throws {}
    public func statePlace() async throws -> Part.Place? { nil }
    public func dataOwner() async throws -> (user: UInt32, group: UInt32)? { nil }
    public func room(inVolume name: String) async throws -> VolumeRoom { VolumeRoom() }
    public func remove() async throws {}
    public func leave() async throws { try await remove() }
    public var goesWhenStopped: Bool { false }
    public func serverDatabase(at path: FilePath) async throws -> ServerView? { nil }
    public func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool { false }
    public func wasTakenDown() async throws -> Bool { false }
    public func outage() async -> String? { nil }
    public func nameTies() async throws -> NameTies { .free }
    public func obstacleToCloning() -> String? { nil }
    public func versions() async -> [String: String] { [:] }
    public var backupEngine: BackupEngine? { nil }
    public func bringUpBackupEngine(limit: Duration) async throws {}
    public func backUpCluster(_ request: ClusterBackupRequest) async throws -> ClusterBackup? { nil }
    public func lostVolumes() async throws -> [ClusterBackup.Volume] { [] }
    public func restBackupEngine(removing names: [String], limit: Duration) async throws -> [String] { [] }
    public func clusterBackup(isDegraded: Bool) async throws -> String? { nil }
    public func restoreCluster(_ request: ClusterRestoreRequest) async throws -> ClusterRestore? { nil }
    public func planClusterRestore(_ request: ClusterRestoreRequest) async throws -> ClusterRestorePlan? {
        nil
    }
    public func openStore() async throws {}
    public func seesStore() async throws -> Bool? { nil }

    private func noVolumes(_ name: String) -> Failure {
        Failure(
            .failed, "the volume “\(name)” cannot be reached",
            cause: "the instance's runtime knows no volumes", remedy: "kecsctl status")
    }
}

/// How what is in a cluster can be backed up.
public enum BackupEngine: String, Encodable, Sendable {
    /// kecsctl's own: folders and databases. What is only in the cluster is not in them.
    case files
    /// The objects in the cluster too, by Velero in it.
    case velero
}

/// What outside of the home carries an instance's name.
public enum NameTies: Hashable, Sendable {
    /// Nothing does.
    case free
    /// These do. `remove` takes them away, no data with them, and the next start makes them anew.
    case made([String])
    /// Something that cannot be renamed and whose loss a start does not make good; why.
    case fixed(String)

    var isFree: Bool { self == .free }
}

/// The room of a volume out of reach; nil is what cannot be told.
public struct VolumeRoom: Hashable, Sendable {
    public var used: ByteCount?
    public var free: ByteCount?

    public init(used: ByteCount? = nil, free: ByteCount? = nil) {
        self.used = used
        self.free = free
    }
}

/// What a server sees where its database should be.
public enum ServerView: Hashable, Sendable {
    case database(SeenDatabase)
    /// No file at this path.
    case nothing(String)
    /// Nobody can look through its eyes; why.
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

/// Takes what a server wrote, piece by piece, its two streams apart.
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

/// Which part of a log is wanted.
public struct LogRequest: Hashable, Sendable {
    /// So many lines from the end.
    public var tail: Int
    public var follow: Bool
    /// Nothing older than this.
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

    /// How long the program that prints it may take: with `follow`, as long as the reader likes.
    public var limit: Duration { .seconds(follow ? 365 * 86_400 : 600) }
}
