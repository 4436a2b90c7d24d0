// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import Glibc
public import KecsSystem
public import SystemPackage

/// The way in which an instance runs. Everything is idempotent: calling twice is calling once.
///
/// Nothing above this protocol may assume containers, or that a part is a folder of this host.
public protocol Runtime: Sendable {
    /// Asks; never guesses: a state that cannot be determined is `.unknown`.
    func state() async -> RuntimeState
    /// Starts the instance's processes and waits until they answer, at most `limit`. Does nothing more when they run.
    func start(limit: Duration) async throws
    /// Waits until the running processes are healthy, at most `limit`, and starts nothing. `start` uses it.
    ///
    /// - Throws: `Failure` with the problem: `.timeout` when it did not become healthy, `.failed` when it has ended.
    func waitUntilHealthy(limit: Duration) async throws
    /// Ends the instance's processes and waits until they have ended. Does nothing when nothing runs.
    func stop(limit: Duration) async throws
    /// Returns why a stop would lose something that no start restores: a container that is removed when it ends. Nil
    /// when it would not. `stop` refuses then. An operation that has to stop the instance asks before it does anything.
    func lossWhenStopped() async throws -> Failure?
    /// Runs `body` while no process of the instance can write, and resumes them afterwards, whatever happens.
    ///
    /// - Throws: `Failure` when it cannot be frozen; the body has not run then.
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value
    /// Resumes the processes that a killed run left frozen.
    func thaw() async throws
    /// Returns the parts whose bytes belong into a backup.
    func parts() async throws -> [Part]
    /// Returns the server's view of the outside: its parts, present or not, and the paths at which it sees them.
    func serverSetup() async throws -> ServerSetup
    /// Returns the place of the control plane's data: a folder or a whole volume. Nil: in the instance's data folder.
    ///
    /// - Throws: `Failure` when it lies where only the server can reach it.
    func statePlace() async throws -> Part.Place?
    /// Returns the owner that the data must have so that the server can write it; nil when any owner will do.
    func dataOwner() async throws -> (user: UInt32, group: UInt32)?
    /// Returns the server's addresses, for people: "http://127.0.0.1:5373". Only those that are really published; empty
    /// when none is.
    func endpoints() async -> [Endpoint]
    /// True when a new instance gets ports. A server that was not made by kecsctl has those that it publishes, or none.
    var choosesPorts: Bool { get }
    /// True when `start` would start a process at all: a local instance may be only data.
    var runsSomething: Bool { get }

    /// Checks whether a first start can succeed, before anything of the instance exists. May fetch an image.
    ///
    /// - Returns: The detected settings, which stay in effect: where an adopted container keeps its data.
    func prepare() async throws -> [SettingKey: JSONValue]
    /// True when the server makes its database on its first start: then no other program may make it.
    var makesItsDatabase: Bool { get }
    /// Returns true when the control plane has data; nil when the data folder decides.
    func holdsState() async throws -> Bool?
    /// Returns the folder of a volume's tree on this host; nil when it cannot be reached there.
    func folder(ofVolume name: String) async throws -> FilePath?
    /// Writes an uncompressed tar of a volume that cannot be reached on this host.
    ///
    /// - Throws: `Failure(.timeout)` when that would take longer than `limit`.
    func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws
    /// Replaces the content of such a volume with the archive's. Can be repeated after a kill.
    func fillVolume(_ name: String, from archive: FilePath) async throws
    /// Makes the places that exist only with a container, which are anonymous volumes, by making the container, and
    /// starts nothing. Does nothing when there is one. Called before a restore into an instance that has nothing yet.
    func makePlaces() async throws
    /// Ensures that a volume exists and can be restored into. Called before anything of it is touched.
    func makeReady(volume name: String) async throws
    /// Returns the used and the total space of such a volume.
    func room(inVolume name: String) async throws -> VolumeRoom
    /// Removes everything that was made to run the instance, once it is stopped. Data stays.
    func remove() async throws
    /// Removes what holds nothing but what its programs remember, once everything else of the instance goes: volumes that
    /// were made for a cluster. Called after `remove`, by a destroy only.
    func forget() async throws
    /// Checks whether these parts of a backup can be used by what runs the instance now.
    ///
    /// - Throws: `Failure(.usage)` with the limit that is in the way.
    func checkRestore(of manifest: Manifest, parts: Set<String>) throws
    /// Removes everything that only this runtime needs, once the instance uses another one. Called when it is stopped.
    func leave() async throws
    /// True when `remove` belongs to a stop, once a verified backup is there: a cluster goes, a container stays.
    var goesWhenStopped: Bool { get }
    /// Returns a database as the server sees it; nil when nothing runs, or when it runs on this host like any other
    /// program.
    ///
    /// - Parameter path: The path inside the container, from `Inventory.pathInside`.
    func serverDatabase(at path: FilePath) async throws -> ServerView?
    /// Returns the processes that it may stop as its own.
    func ownProcesses() async throws -> Set<pid_t>
    /// Returns other running containers that have something of these parts mounted: the same folder or volume, one
    /// around it, or one in it.
    func otherContainers(using parts: [Part]) async throws -> OtherContainers

    /// Of the containers that are the instance's server, and what runs beside it.
    func containerIDs() async throws -> Set<String>
    /// Hands over what the server wrote, and with `follow` what it writes from now on.
    ///
    /// - Returns: False when the server's log is a file of the instance.
    func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool
    /// Returns whether the instance was ended by its own runtime, as an engine does with containers that outlived it.
    /// No user asked for that, so it must run again.
    func wasTakenDown() async throws -> Bool
    /// Returns why the server answers no requests although the thing that runs the instance is there; nil when there is
    /// nothing to report.
    func outage() async -> String?
    /// Returns the things outside of the home that carry the instance's name.
    func nameTies() async throws -> NameTies
    /// Returns why a second instance cannot be made of this one's data; nil when it can.
    func obstacleToCloning() -> String?
    /// The engine that can back up the objects in the instance's cluster; nil for a runtime without one.
    var backupEngine: BackupEngine? { get }
    /// Starts the backup engine in a running cluster. Its failure is not the instance's.
    ///
    /// - Parameter limit: The limit of each wait; zero for no wait that can be left out.
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
    /// The backups of its cluster that lie on this host, by what their metadata and sizes tell; nil without an engine for them.
    func storedClusterBackups() throws -> ClusterBackupStock?
    /// What that engine asks of its nodes and what it may use; empty without one.
    func backupEngineResources() throws -> [ContainerResources]
    /// Lets backups be made again: none is while a restore is due.
    func openStore() async throws
    /// Whether the nodes of its cluster have the folder that such backups lie in; nil without a cluster.
    func seesStore() async throws -> Bool?
    /// Returns the versions of the programs that it runs with: "docker": "28.2.2". Empty when they cannot be
    /// determined.
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
    public func containerIDs() async throws -> Set<String> { [] }
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
    public func forget() async throws {}
    public func checkRestore(of manifest: Manifest, parts: Set<String>) throws {}
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
    public func storedClusterBackups() throws -> ClusterBackupStock? { nil }
    public func backupEngineResources() throws -> [ContainerResources] { [] }
    public func openStore() async throws {}
    public func seesStore() async throws -> Bool? { nil }

    private func noVolumes(_ name: String) -> Failure {
        Failure(
            .failed, "the volume “\(name)” cannot be reached",
            cause: "the instance's runtime knows no volumes", remedy: "kecsctl status")
    }
}
