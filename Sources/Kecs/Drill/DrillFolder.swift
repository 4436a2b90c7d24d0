// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The folder into which a drill restores. Only this user can enter it. A record in the home names it while it exists,
/// so that the next command removes the leftovers of a killed drill.
struct DrillFolder: Sendable {
    /// The record: `$KECS_HOME/.drill-ID.json`.
    private struct Record: Codable {
        var version = 1
        var instance: String
        var folder: PathText
        var startedAt: Moment
    }

    private static let prefix = ".drill-"
    private static let recordSuffix = ".json"
    private static let lockSuffix = ".lock"
    private static let folderPrefix = FilePath.privateFolderPrefix + "drill-"

    let path: FilePath
    private let site: Site
    private let record: FilePath
    private let lock: FileLock

    /// Creates the folder with its record.
    ///
    /// - Parameter place: The folder in which it is created.
    init(_ site: Site, for name: InstanceName, in place: FilePath, command: String) async throws {
        self.site = site
        let id = hex(site.machine.random(8))
        record = site.home.path.appending(Self.prefix + id + Self.recordSuffix)
        path = place.appending(Self.folderPrefix + id)
        lock = try await FileLock.acquire(
            site.home.path.appending(Self.prefix + id + Self.lockSuffix), command: command,
            clock: site.machine.clock, cancellation: site.machine.cancellation)
        do {
            // The record comes first: a record of a folder that does not exist needs no sweep.
            try JSONFile.write(
                Record(
                    instance: name.description, folder: PathText(path), startedAt: site.machine.clock.now()),
                to: record)
            try path.makeFolder()
        } catch {
            if try record.isPresent { try record.remove() }
            try Self.close(lock)
            throw error
        }
    }

    /// Stops the servers in the folder and removes it. The next command does what cannot be done now, and after an
    /// interruption that is the removal: its record, and its lock that nobody holds, are what the sweep looks for.
    func close() async throws { try await Self.end(record, lock, site) }

    /// Returns the failure of an interrupted drill, which says that something is left.
    func tellingRest(after error: any Error) throws -> any Error {
        guard try path.isPresent else { return error }
        var failure = Failure.describing(
            site.machine.cancellation.reason.map { Interrupted($0) } ?? error)
        failure.cause = "the next command removes what was unpacked: \(path)"
        return failure
    }

    /// Returns the folder below which a drill is done: the given one, else the first of the usual places with enough
    /// free space.
    static func place(for size: ByteCount, given: FilePath?, _ site: Site) throws -> FilePath {
        let own = site.machine.environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? FilePath($0) : nil }
        let places = given.map { [$0] } ?? [own, "/var/tmp", "/tmp"].compactMap(\.self)
        let needed = size + ByteCount(64 << 20)
        var last: Failure?
        for place in places {
            do {
                guard try FileStatus.following(place)?.kind == .folder else {
                    last = Failure(
                        .usage, "“\(place)” is no folder", cause: "a drill restores into a folder below it",
                        remedy: "mkdir -p \(ShellWords.quote([place.string]))")
                    continue
                }
                let free = try site.machine.freeSpace(place)
                if free >= needed { return try place.realPath() }
                last = Failure(
                    .noRoom, "not enough free space for a drill",
                    cause: "\(free) are free in \(place) and about \(needed) are needed",
                    remedy: Remedy.again(with: "--folder", "/mnt/big") ?? "df -h")
            } catch { last = .describing(error) }
        }
        throw last ?? Failure(.failed, "there is no folder for temporary files")
    }

    // MARK: Sweep

    /// Removes the leftovers of killed drills, also their servers.
    ///
    /// - Returns: Sentences for people.
    static func sweep(_ site: Site, command: String) async throws -> [String] {
        var told: [String] = []
        for name in try site.home.path.entries()
        where name.string.hasPrefix(prefix) && name.string.hasSuffix(lockSuffix) {
            let lock: FileLock
            do {
                lock = try await FileLock.acquire(
                    site.home.path.appending(name), command: command, clock: site.machine.clock,
                    cancellation: site.machine.cancellation)
            } catch is LockHeld { continue }
            let record = site.home.path.appending(name.string.dropLast(lockSuffix.count) + recordSuffix)
            // Drafts of a record that was being written when its drill was killed.
            let draft = ".\(name.string.dropLast(lockSuffix.count))\(recordSuffix)."
            for file in try site.home.path.entries() where file.string.hasPrefix(draft) {
                try site.home.path.appending(file).remove()
            }
            if let sentence = try await end(record, lock, site) { told.append(sentence) }
        }
        return told
    }

    @discardableResult
    private static func end(_ record: FilePath, _ lock: FileLock, _ site: Site) async throws -> String? {
        guard try record.isPresent else {
            try close(lock)
            return nil
        }
        do {
            try record.checkIsOurFile()
            let known = try JSONFile.read(Record.self, from: record)
            let folder = known.folder.path
            let id = record.lastComponent?.string.dropFirst(prefix.count).dropLast(recordSuffix.count) ?? ""
            guard folder.isAbsolute, folder.lastComponent?.string == folderPrefix + id else {
                throw Failure(
                    .failed, "“\(record)” does not name a folder of a drill", cause: "it names \(folder)",
                    remedy: "cat \(ShellWords.quote([record.string]))")
            }
            if try folder.isPresent {
                try folder.checkIsOurs()
                try await DrillServer.end(in: folder, site)
                try folder.removeTree(cancellation: site.machine.cancellation)
            }
            try record.remove()
            try close(lock)
            return "removed what was unpacked aside of “\(known.instance)” on \(known.startedAt) "
                + "and was cut off"
        } catch {
            lock.unlock()
            throw error
        }
    }

    private static func close(_ lock: FileLock) throws {
        try lock.path.remove()
        lock.unlock()
    }
}

/// Removes the leftovers of killed drills. Runs before every command.
public struct SweepDrills: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(command: String) async throws -> [String] {
        do {
            return try await DrillFolder.sweep(site, command: command)
        } catch let error as FileError
            where [.noSuchFileOrDirectory, .permissionDenied, .readOnlyFileSystem, .notDirectory]
            .contains(error.errno)
        {
            // The command itself reports a home that does not exist, or that this user may not read or write.
            return []
        }
    }
}
