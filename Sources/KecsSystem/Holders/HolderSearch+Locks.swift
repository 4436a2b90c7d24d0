// SPDX-License-Identifier: Apache-2.0
import CLinux
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
        let devices = Set(wanted.keys.map(\.device))
        var budget = Self.lockBudget
        for (place, spot) in zip(places, spots) {
            // Nothing is locked on the file systems that are visible there.
            let below = own.mounts.filter { $0.point.starts(with: place.bytes) }.map(\.device)
            guard devices.contains(spot.device) || below.contains(where: devices.contains) else { continue }
            guard let status = (try? FileStatus.of(place)) ?? nil else { continue }
            if status.kind == .folder {
                lookForLocked(wanted, in: place, on: spot.device, &budget)
            } else {
                note(wanted, place, Locked(device: spot.device, inode: status.inode))
            }
        }
    }

    /// The number of names that are looked at: a tenth of a second. What a process that cannot be examined holds in a
    /// larger tree is found by its descriptors, as root.
    private static let lockBudget = 50_000

    private mutating func note(_ wanted: [Locked: pid_t], _ path: @autoclosure () -> FilePath, _ file: Locked)
    {
        guard let pid = wanted[file], found[pid] == nil else { return }
        found[pid] = FileHolder(
            pid: pid, startTime: (try? ProcessStatus.of(pid))??.startTime,
            command: pid > 0 ? Ports.command(of: pid) : "a process that the kernel does not name",
            path: path(), use: .lock, mayWrite: true,
            containers: pid > 0 ? Self.containers(of: pid) : [])
        closed.remove(pid)
    }

    /// - Parameter device: The device of the folder's file system, as in `mountinfo`: on some file systems (btrfs,
    ///   overlay) `stat` reports another number.
    private mutating func lookForLocked(
        _ wanted: [Locked: pid_t], in place: FilePath, on device: String, _ budget: inout Int
    ) {
        var folders: [FilePath] = []
        var trustsInodes: Bool?
        // What cannot be listed is passed over: the search by descriptors, which decides, does not need it.
        try? place.forEachName { folder, name in
            guard budget > 0 else { return }
            budget -= 1
            func path() -> FilePath {
                place.appending(
                    bytes: Array(UnsafeRawBufferPointer(start: name.text, count: strlen(name.text))))
            }
            if name.type == DT_DIR {
                folders.append(path())
                return
            }
            let trusts = trustsInodes ?? Self.listsTrueInodes(folder)
            trustsInodes = trusts
            if name.type == DT_REG, trusts {
                note(wanted, path(), Locked(device: device, inode: name.inode))
                return
            }
            var raw = stat()
            guard fstatat(folder, name.text, &raw, AT_SYMLINK_NOFOLLOW) == 0 else { return }
            switch raw.st_mode & S_IFMT {
            case S_IFDIR: folders.append(path())
            case S_IFREG: note(wanted, path(), Locked(device: device, inode: UInt64(raw.st_ino)))
            default: break
            }
        }
        for folder in folders {
            // Another file system may be mounted anywhere below.
            let point = own.mounts.last { $0.point == folder.bytes }
            lookForLocked(wanted, in: folder, on: point?.device ?? device, &budget)
        }
    }

    /// Whether readdir(3) gives the inodes of stat(2): on ext4, XFS, btrfs and tmpfs (statfs(2) has the numbers). Overlay and
    /// FUSE may give others.
    private static func listsTrueInodes(_ folder: CInt) -> Bool {
        [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994].contains(clinux_file_system(folder))
    }
}
