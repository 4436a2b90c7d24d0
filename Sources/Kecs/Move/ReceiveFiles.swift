// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The other end's store of what comes, byte by byte: whatever was cut off goes on where it ended.
public struct ReceiveFiles: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Says what is here of a backup, and makes every older receiver of it stop.
    public func offer(_ offer: Arrival.Offer) async throws -> Arrival.Wanted {
        let name = try InstanceName(checking: offer.name)
        let files = try offer.files.map { try $0.checked() }
        try site.home.path.createFolder()
        let place = ArrivalPlace(store: site.home.backupStore(of: name))
        var wanted = Arrival.Wanted(generation: 0, have: [:])
        try await place.change(site) { record in
            if let other = record, other.instanceId != offer.instanceId {
                throw Failure(
                    .busy, "something else is on its way to “\(name)”",
                    cause: "\(place.folder) has what came from \(other.from)",
                    remedy: "rm -r \(ShellWords.quote([place.folder.string]))")
            }
            var next = record ?? .init(instanceId: offer.instanceId, from: offer.from, generation: 0)
            next.generation += 1
            next.from = offer.from
            wanted = .init(generation: next.generation, have: try place.have(files))
            record = next
        }
        var seen: Set<String> = []
        let missing = files.filter { seen.insert($0.sha256).inserted }
            .reduce(Int64(0)) { $0 + $1.bytes - (wanted.have[$1.sha256] ?? 0) }
        // What is unpacked lies beside what has come.
        let needed = ByteCount(missing + offer.sourceBytes + (16 << 20))
        let free = try site.machine.freeSpace(place.folder)
        guard needed <= free else { throw LookAtArrival.noRoom(needed: needed, free: free, in: place.folder) }
        return wanted
    }

    /// Takes stretches of files from standard input until it ends.
    ///
    /// - Parameter heard: Called with the number of bytes that are stored, after each piece.
    public func run(_ name: InstanceName, generation: Int, heard: (Int64) -> Void) async throws {
        let place = ArrivalPlace(store: site.home.backupStore(of: name))
        var input = StandardInput(machine: site.machine)
        var stored: Int64 = 0
        while let line = try input.line() {
            let header = try JSONFile.decode(Arrival.Header.self, from: line, at: "standard input")
            guard Arrival.File.isDigest(header.sha256), header.offset >= 0, header.bytes >= 0 else {
                throw Failure(.usage, "“\(printable(line))” is no stretch of a file")
            }
            let path = place.file(header.sha256)
            let file = path.withPlatformString {
                paths_open($0, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            }
            guard file >= 0 else { throw FileError.last("open", path) }
            defer { close(file) }
            var offset = header.offset
            let end = header.offset + header.bytes
            while offset < end {
                let bytes = try input.some(atMost: Int(min(end - offset, 1 << 20)))
                // The sender is gone; what it sent is kept.
                guard !bytes.isEmpty else { return }
                try await place.locked(site) {
                    guard try place.record()?.generation == generation,
                        try FileStatus.of(descriptor: file, at: path).size == offset
                    else {
                        throw Failure(
                            .busy, "another “move” has taken over", remedy: "kecsctl list")
                    }
                    try Self.write(bytes, to: file, at: offset, path)
                }
                offset += Int64(bytes.count)
                stored += Int64(bytes.count)
                heard(stored)
            }
            guard fsync(file) == 0 else { throw FileError.last("sync", path) }
        }
    }

    private static func write(_ bytes: [UInt8], to file: CInt, at offset: Int64, _ path: FilePath) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(
                    file, $0.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError.last("write to", path)
            }
            done += count
        }
    }
}

/// Standard input as lines and as bytes, both in their turn.
private struct StandardInput {
    let machine: Machine
    private var buffer: ArraySlice<UInt8> = []

    init(machine: Machine) { self.machine = machine }

    /// - Returns: Nil at the end, also in the middle of a line.
    mutating func line() throws -> [UInt8]? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer = buffer[(end + 1)...] }
                return Array(buffer[..<end])
            }
            guard buffer.count < 1 << 16 else {
                throw Failure(.usage, "standard input is not what a “move” sends")
            }
            let more = try read()
            guard !more.isEmpty else { return nil }
            buffer += more
        }
    }

    /// - Returns: Nothing at the end.
    mutating func some(atMost limit: Int) throws -> [UInt8] {
        if buffer.isEmpty { buffer = try read()[...] }
        let taken = Array(buffer.prefix(limit))
        buffer = buffer.dropFirst(limit)
        return taken
    }

    private func read() throws -> [UInt8] {
        while true {
            try machine.cancellation.check()
            var waiting = pollfd(fd: machine.input, events: Int16(POLLIN), revents: 0)
            let isReady = poll(&waiting, 1, 200)
            if isReady == 0 || isReady < 0 && errno == EINTR { continue }
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = Glibc.read(machine.input, &bytes, bytes.count)
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw FileError.last("read", "standard input")
            }
            bytes.removeLast(bytes.count - count)
            return bytes
        }
    }
}
