// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// A walk through `/proc`: every process's descriptors and mappings, then the kernel's table of locks for the processes
/// that cannot be examined.
struct HolderSearch {
    let places: [FilePath]
    let own: MountSpace
    let spots: [MountSpace.Spot]
    /// The mount spaces by the mount namespace's link, `mnt:[4026531841]`.
    private var spaces: [String: Seen] = [:]
    var found: [pid_t: FileHolder] = [:]
    var closed: Set<pid_t> = []
    /// All paths that are open or mapped for writing, not only one of each process; nil when they are not asked for.
    private var written: Set<FilePath>?
    private let namespace: [UInt8]
    private let program: [UInt8]
    private let room = Room()

    /// The buffer that a thread reads into.
    private final class Room {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        deinit { bytes.deallocate() }
    }

    /// The sights of the places in a mount namespace.
    private struct Seen {
        var space: MountSpace
        var sights: [MountSpace.Sight]
    }

    init(_ places: [FilePath]) throws {
        let resolved = places.map { $0.resolved() }
        self.places = resolved
        let own = try MountSpace.of("self")
        self.own = own
        spots = try resolved.map { place in
            if let spot = own.spot(of: place.bytes, mountID: try place.mountID()) { return spot }
            return MountSpace.Spot(
                device: try Self.device(of: place), path: place.bytes, isBelowUnseenMount: true)
        }
        namespace = Self.link("/proc/self/ns/mnt")
        program = Self.link("/proc/self/exe")
    }

    /// The device of a place, or of what it would be made in, as `mountinfo` writes it (makedev(3)).
    private static func device(of place: FilePath) throws -> String {
        var there = place
        while true {
            if let device = try FileStatus.of(there)?.device {
                return
                    "\((device >> 8) & 0xfff | (device >> 32) & ~0xfff):\(device & 0xff | (device >> 12) & ~0xff)"
            }
            guard there.removeLastComponent() else { return "" }
        }
    }

    /// Creates a search for the same places that has found nothing yet.
    private init(like other: HolderSearch) {
        places = other.places
        own = other.own
        spots = other.spots
        namespace = other.namespace
        program = other.program
        written = other.written
    }

    /// - Returns: Every path below the places that a process may be writing to, and what `run` returns.
    consuming func runForWritten() throws -> (written: Set<FilePath>, holders: FileHolders) {
        written = []
        guard !spots.isEmpty else { return ([], FileHolders()) }
        try lookAtAll(Self.processes().filter { $0 != getpid() })
        return (written ?? [], try holders())
    }

    consuming func run(locks: Bool) throws -> FileHolders {
        guard !spots.isEmpty else { return FileHolders() }
        try lookAtAll(Self.processes().filter { $0 != getpid() })
        if locks { try lookAtLocks() }
        return try holders()
    }

    private func holders() throws -> FileHolders {
        var holders = FileHolders()
        holders.unseen = closed.sorted()
        if try ProcessIdentity.ownNamespace() != ProcessTable.firstNamespace {
            holders.gap = "kecsctl runs in a container itself, and does not see every process of the machine"
        } else if spots.contains(where: \.isBelowUnseenMount) {
            holders.gap =
                "kecsctl runs in a chroot, and does not see under which names containers have its files"
        }
        holders.holders = found.values.sorted { $0.pid < $1.pid }
        return holders
    }

    private static func processes() throws -> [pid_t] {
        try FilePath("/proc").entries().compactMap { pid_t($0.string) }
    }

    // MARK: All processes

    /// The smallest number for a thread: fewer are examined faster than a thread is started.
    private static let fewestOfThread = 32
    /// The largest number of threads. The work is the kernel's, and more threads would only wait for it.
    private static let mostThreads = 8

    /// The kernel writes each process's list of mappings when it is read, which takes most of the time: a thread for
    /// each processor reads a share of them.
    private mutating func lookAtAll(_ pids: [pid_t]) throws {
        let count = max(1, min(Threads.processors, Self.mostThreads, pids.count / Self.fewestOfThread))
        let shares = (1..<count).map { index in
            Share(HolderSearch(like: self), pids.indices.filter { $0 % count == index }.map { pids[$0] })
        }
        let threads = shares.map { share in
            // If no thread is available, its share is examined here.
            try? Threads.joinable(name: "holders") { share.run() }
        }
        for index in pids.indices where index % count == 0 { look(at: pids[index]) }
        for (share, thread) in zip(shares, threads) {
            if let thread { thread.join() } else { share.run() }
            found.merge(share.search.found) { mine, _ in mine }
            closed.formUnion(share.search.closed)
            written?.formUnion(share.search.written ?? [])
        }
    }

    /// Used by one thread, then by the one that joins it.
    private final class Share: @unchecked Sendable {
        var search: HolderSearch
        let pids: [pid_t]

        init(_ search: HolderSearch, _ pids: [pid_t]) {
            self.search = search
            self.pids = pids
        }

        func run() {
            for pid in pids { search.look(at: pid) }
        }
    }

    // MARK: One process

    private mutating func look(at pid: pid_t) {
        let space = Self.link("/proc/\(pid)/ns/mnt")
        guard !space.isEmpty, let folder = opendir("/proc/\(pid)/fd") else {
            // A kernel thread has neither files nor a command line; a process that has ended meanwhile holds nothing.
            if errno == EACCES, !Self.isKernelThread(pid) { closed.insert(pid) }
            return
        }
        defer { closedir(folder) }
        let name = String(decoding: space, as: UTF8.self)
        let seen: Seen
        if let known = spaces[name] {
            seen = known
        } else {
            guard let found = try? MountSpace.of("\(pid)") else { return }
            var sights = Set(spots.flatMap { found.sights(of: $0) })
            if space == namespace {
                // The kernel names what this process can reach as this process does.
                for spot in spots where spot.isBelowUnseenMount {
                    sights.insert(MountSpace.Sight(path: spot.path, spot: spot.path, mount: nil))
                }
            }
            seen = Seen(space: found, sights: Array(sights))
            spaces[name] = seen
        }
        guard !seen.sights.isEmpty else { return }
        lookAtDescriptors(of: pid, dirfd(folder), folder, seen)
        if written != nil || found[pid]?.mayWrite != true { lookAtMappings(of: pid, seen) }
        if let holder = found[pid], !program.isEmpty,
            Self.link("/proc/\(pid)/exe") == program, holder.containers.isEmpty
        {
            // Another kecsctl. The instance's lock keeps it away from the data.
            found[pid] = nil
        }
    }

    private mutating func lookAtDescriptors(
        of pid: pid_t, _ descriptor: CInt, _ folder: OpaquePointer, _ seen: Seen
    ) {
        guard let buffer = room.bytes.baseAddress else { return }
        while let entry = readdir(folder) {
            let count = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    readlinkat(descriptor, $0, buffer.assumingMemoryBound(to: CChar.self), room.bytes.count)
                }
            }
            guard count > 0, room.bytes[0] == UInt8(ascii: "/"),
                let sight = Self.sight(UnsafeRawBufferPointer(room.bytes)[..<count], seen.sights)
            else { continue }
            let path = Array(UnsafeRawBufferPointer(room.bytes)[..<count])
            let number = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let facts = Self.facts(of: pid, descriptor: number)
            if let mount = facts.mount, !seen.space.isSeen(sight, through: mount) { continue }
            note(
                pid, path, sight, facts.isLocked ? .lock : .descriptor,
                mayWrite: facts.mayWrite || facts.isLocked)
            if written == nil, facts.mayWrite || facts.isLocked { return }
        }
    }

    private struct Facts {
        var mayWrite = true
        var isLocked = false
        var mount: UInt64?
    }

    /// `flags:	02100002`, `mnt_id:	29` and `lock:	1: FLOCK …` of `/proc/PID/fdinfo/N`.
    private static func facts(of pid: pid_t, descriptor: String) -> Facts {
        var facts = Facts()
        guard let bytes = try? FilePath("/proc/\(pid)/fdinfo/\(descriptor)").contents(limit: 1 << 20) else {
            return facts
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
            guard words.count > 1 else { continue }
            if words[0] == "flags", let flags = CInt(words[1], radix: 8) {
                facts.mayWrite = flags & O_ACCMODE != O_RDONLY
            }
            if words[0] == "mnt_id" { facts.mount = UInt64(words[1]) }
            if words[0] == "lock" { facts.isLocked = true }
        }
        return facts
    }

    /// `7f3a…-7f3a… rw-s 00000000 08:01 4711   /srv/dev/kecs.db-shm`: only the part of a line from the first slash on
    /// is a path.
    private mutating func lookAtMappings(of pid: pid_t, _ seen: Seen) {
        let file = open("/proc/\(pid)/maps", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        var kept = 0
        while kept < room.bytes.count {
            let count = read(file, room.bytes.baseAddress?.advanced(by: kept), room.bytes.count - kept)
            guard count > 0 else { return }
            let end = kept + count
            var start = 0
            while let newline = Self.find(UInt8(ascii: "\n"), in: room.bytes, start, end) {
                defer { start = newline + 1 }
                guard let slash = Self.find(UInt8(ascii: "/"), in: room.bytes, start, newline),
                    let sight = Self.sight(UnsafeRawBufferPointer(room.bytes)[slash..<newline], seen.sights),
                    let blank = Self.find(UInt8(ascii: " "), in: room.bytes, start, slash),
                    blank + 4 < newline
                else { continue }
                let mayWrite =
                    room.bytes[blank + 2] == UInt8(ascii: "w") && room.bytes[blank + 4] == UInt8(ascii: "s")
                note(
                    pid, Array(UnsafeRawBufferPointer(room.bytes)[slash..<newline]), sight, .mapping,
                    mayWrite: mayWrite)
            }
            kept = end - start
            if kept > 0, start > 0, let base = room.bytes.baseAddress {
                memmove(base, base.advanced(by: start), kept)
            }
        }
    }

    private static func find(
        _ byte: UInt8, in bytes: UnsafeMutableRawBufferPointer, _ start: Int, _ end: Int
    ) -> Int? {
        guard start < end, let base = bytes.baseAddress,
            let place = memchr(base.advanced(by: start), CInt(byte), end - start)
        else { return nil }
        return base.distance(to: UnsafeMutableRawPointer(place))
    }

    private static func sight(
        _ path: Slice<UnsafeRawBufferPointer>, _ sights: [MountSpace.Sight]
    ) -> MountSpace.Sight? {
        sights.first { sight in
            let count = sight.path.count
            guard path.count >= count else { return false }
            if count == 1 { return true }
            let isPrefix = sight.path.withUnsafeBytes { mine in
                guard let mine = mine.baseAddress,
                    let theirs = UnsafeRawBufferPointer(rebasing: path).baseAddress
                else { return false }
                return memcmp(theirs, mine, count) == 0
            }
            guard isPrefix else { return false }
            guard path.count > count else { return true }
            // What was removed while it was open: “/srv/dev (deleted)”.
            let next = path[path.startIndex + count]
            return next == UInt8(ascii: "/") || next == UInt8(ascii: " ")
        }
    }

    // MARK: What was found

    private mutating func note(
        _ pid: pid_t, _ path: [UInt8], _ sight: MountSpace.Sight, _ use: FileHolder.Use, mayWrite: Bool
    ) {
        if written != nil, mayWrite {
            let place = here(path, sight)
            written?.insert(place)
        }
        if let known = found[pid], known.mayWrite || !mayWrite { return }
        let status = try? ProcessStatus.of(pid)
        found[pid] = FileHolder(
            pid: pid, startTime: status?.startTime, command: Ports.command(of: pid),
            path: here(path, sight), use: use, mayWrite: mayWrite, containers: Self.containers(of: pid))
    }

    /// Returns a path of another mount namespace as one of ours, where the spot is visible here.
    private func here(_ path: [UInt8], _ sight: MountSpace.Sight) -> FilePath {
        var rest = Array(path.dropFirst(sight.path.count))
        let deleted = Array(" (deleted)".utf8)
        if rest.count >= deleted.count, rest.suffix(deleted.count).elementsEqual(deleted) {
            rest.removeLast(deleted.count)
        }
        for (place, spot) in zip(places, spots) where MountSpace.isBelow(sight.spot, spot.path) {
            let below = Array(sight.spot.dropFirst(spot.path.count)) + rest
            return FilePath(bytes: place.bytes + below)
        }
        return FilePath(bytes: path)
    }

    private static func isKernelThread(_ pid: pid_t) -> Bool {
        guard let status = (try? ProcessStatus.of(pid)) ?? nil else { return true }
        return pid == 2 || status.parent == 2 || !status.isRunning
    }

    /// 64 hexadecimal digits in a path of its control group: `0::/docker/ID`, `/system.slice/docker-ID.scope`.
    static func containers(of pid: pid_t) -> [String] {
        guard let bytes = try? FilePath("/proc/\(pid)/cgroup").contents(limit: 1 << 20) else { return [] }
        return containers(inGroup: String(decoding: bytes, as: UTF8.self))
    }

    static func containers(inGroup text: String) -> [String] {
        var ids: [String] = []
        for run in text.utf8.split(whereSeparator: { !isDigit($0) }) where run.count == 64 {
            let id = String(decoding: Array(run), as: UTF8.self)
            if !ids.contains(id) { ids.append(id) }
        }
        return ids
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func link(_ path: String) -> [UInt8] {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? buffer[..<count].map { UInt8(bitPattern: $0) } : []
    }
}
