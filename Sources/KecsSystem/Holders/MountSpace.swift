// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// The paths under which a folder is seen in a mount namespace: `/srv/dev` of this host may be `/data` in a container,
/// and two paths here when it is bound a second time.
///
/// Decided by device and path inside the file system (`/proc/PID/mountinfo`, proc(5)), never by names alone.
struct MountSpace: Sendable {
    struct Mount: Sendable {
        var id: UInt64
        var device: String
        /// The path in the file system that is mounted.
        var root: [UInt8]
        var point: [UInt8]
    }

    var mounts: [Mount]

    init(_ bytes: [UInt8]) {
        mounts = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            // 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda rw,errors=continue
            let fields = line.split(
                separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: false)
            guard fields.count > 5, let id = UInt64(String(decoding: fields[0], as: UTF8.self)) else {
                return nil
            }
            return Mount(
                id: id, device: String(decoding: fields[2], as: UTF8.self), root: mountField(fields[3]),
                point: mountField(fields[4]))
        }
    }

    /// Returns the mounts of a process; `self` for this one.
    static func of(_ process: String) throws -> MountSpace {
        MountSpace(try FilePath("/proc/\(process)/mountinfo").contents())
    }

    /// A folder or file as the file system knows it, regardless of mounts.
    struct Spot: Hashable, Sendable {
        var device: String
        var path: [UInt8]
        /// True when no mount that this process sees leads there, as in a chroot that is no mount itself: `path` is the
        /// place as this process names it, and only processes of this mount namespace can be compared.
        var isBelowUnseenMount = false
    }

    /// - Parameter place: A path of this mount namespace without links. Its last parts need not exist.
    func spot(of place: [UInt8], mountID: UInt64?) -> Spot? {
        let found =
            mounts.last { $0.id == mountID && Self.isBelow(place, $0.point) }
            ?? mounts.filter { Self.isBelow(place, $0.point) }.enumerated().max {
                // If two mounts are on one point, the later one hides the earlier.
                ($0.element.point.count, $0.offset) < ($1.element.point.count, $1.offset)
            }?.element
        guard let found else { return nil }
        return Spot(
            device: found.device, path: Self.join(found.root, Self.rest(of: place, below: found.point)))
    }

    /// A path at which a spot, or a part of what lies below it, is visible here.
    struct Sight: Hashable, Sendable {
        /// The path under which the spot's content is visible.
        var path: [UInt8]
        /// The path in the spot's own file system that `path` shows.
        var spot: [UInt8]
        /// Nil when it is no mount of this table.
        var mount: UInt64?
    }

    func sights(of spot: Spot) -> [Sight] {
        if spot.isBelowUnseenMount { return [] }
        return mounts.compactMap { mount in
            guard mount.device == spot.device else { return nil }
            if Self.isBelow(spot.path, mount.root) {
                let path = Self.join(mount.point, Self.rest(of: spot.path, below: mount.root))
                return Sight(path: path, spot: spot.path, mount: mount.id)
            }
            guard Self.isBelow(mount.root, spot.path) else { return nil }
            return Sight(path: mount.point, spot: mount.root, mount: mount.id)
        }
    }

    /// Returns true when a file that is open through a mount lies where the sight leads: through the sight's own mount,
    /// or one inside of it. Any other mount hides it.
    func isSeen(_ sight: Sight, through mount: UInt64) -> Bool {
        guard let shown = sight.mount, mount != shown, let other = mounts.last(where: { $0.id == mount })
        else { return true }
        return other.point.count > sight.path.count && Self.isBelow(other.point, sight.path)
    }

    // MARK: Paths as bytes

    static func isBelow(_ path: [UInt8], _ folder: [UInt8]) -> Bool {
        if folder == [UInt8(ascii: "/")] { return path.first == UInt8(ascii: "/") }
        return path.starts(with: folder)
            && (path.count == folder.count || path[folder.count] == UInt8(ascii: "/"))
    }

    /// Returns the rest of the path, without a slash at its beginning.
    private static func rest(of path: [UInt8], below folder: [UInt8]) -> [UInt8] {
        Array(path.dropFirst(folder.count).drop { $0 == UInt8(ascii: "/") })
    }

    private static func join(_ folder: [UInt8], _ rest: [UInt8]) -> [UInt8] {
        if rest.isEmpty { return folder }
        return (folder.last == UInt8(ascii: "/") ? folder : folder + [UInt8(ascii: "/")]) + rest
    }
}

/// The bytes of a field of `mountinfo`: `\040` for a blank, and so on (proc(5)).
public func mountField(_ text: some Collection<UInt8>) -> [UInt8] {
    guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
    var bytes: [UInt8] = []
    var rest = Array(text)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\\"), rest.count >= 3,
            let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
        {
            bytes.append(code)
            rest = rest.dropFirst(3)
        } else {
            bytes.append(byte)
        }
    }
    return bytes
}
