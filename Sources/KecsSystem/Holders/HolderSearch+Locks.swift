// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// The kernel's table of locks, for processes that cannot be examined.
extension HolderSearch {
    /// A file as the table of locks names it: by the file system's device and the inode in it.
    private struct Locked: Hashable {
        var device: String
        var inode: UInt64
    }

    /// Looks up holders in `/proc/locks`, which names them to every user, also those whose descriptors only root may
    /// see. It identifies a file by its inode, so this is done only where such a holder may be.
    mutating func lookAtLocks() throws {
        let text = String(decoding: try FilePath("/proc/locks").contents(), as: UTF8.self)
        var wanted: [Locked: pid_t] = [:]
        for line in text.split(separator: "\n") {
            // 3: POSIX  ADVISORY  WRITE 812 fd:01:4711 0 EOF: the device in hexadecimal digits.
            let fields = line.split(separator: " ").filter { $0 != "->" }
            guard fields.count > 5, let pid = pid_t(fields[4]) else { continue }
            let file = fields[5].split(separator: ":")
            guard file.count == 3, let major = UInt32(file[0], radix: 16),
                let minor = UInt32(file[1], radix: 16), let inode = UInt64(file[2])
            else { continue }
            // A lock outlives the process that took it, where another one has inherited the descriptor.
            let isKnown = pid > 0 && (try? ProcessStatus.of(pid)) ?? nil != nil
            guard isKnown ? closed.contains(pid) : !closed.isEmpty else { continue }
            wanted[Locked(device: "\(major):\(minor)", inode: inode)] = isKnown ? pid : 0
        }
        guard !wanted.isEmpty else { return }
        var budget = 50_000
        for (place, spot) in zip(places, spots) { lookForLocked(wanted, at: place, on: spot.device, &budget) }
    }

    /// - Parameter device: The device of the place's file system, as in `mountinfo`: on some file systems (btrfs,
    ///   overlay) `stat` reports another number.
    private mutating func lookForLocked(
        _ wanted: [Locked: pid_t], at place: FilePath, on device: String, _ budget: inout Int
    ) {
        guard budget > 0, let status = (try? FileStatus.of(place)) ?? nil else { return }
        budget -= 1
        if status.kind == .file, let pid = wanted[Locked(device: device, inode: status.inode)],
            found[pid] == nil
        {
            found[pid] = FileHolder(
                pid: pid, startTime: (try? ProcessStatus.of(pid))??.startTime,
                command: pid > 0 ? Ports.command(of: pid) : "a process that the kernel does not name",
                path: place, use: .lock, mayWrite: true,
                containers: pid > 0 ? Self.containers(of: pid) : [])
            closed.remove(pid)
        }
        guard status.kind == .folder, let names = try? place.entries() else { return }
        // Another file system may be mounted anywhere below.
        let point = own.mounts.last { $0.point == place.bytes }
        for name in names {
            lookForLocked(wanted, at: place.appending(name), on: point?.device ?? device, &budget)
        }
    }
}
