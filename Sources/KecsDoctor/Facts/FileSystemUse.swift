// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
public import SystemPackage

/// The use of a file system, as df(1) counts it: the space that only root may still use is neither free nor used.
public struct FileSystemUse: Sendable, Hashable {
    /// The used space, in units of `unit` bytes.
    public var used: UInt64
    public var free: UInt64
    public var unit: UInt64
    /// Both 0 on a file system without a fixed number of inodes.
    public var usedInodes: UInt64
    public var freeInodes: UInt64

    public init(used: UInt64, free: UInt64, unit: UInt64 = 1, usedInodes: UInt64 = 0, freeInodes: UInt64 = 0)
    {
        self.used = used
        self.free = free
        self.unit = unit
        self.usedInodes = usedInodes
        self.freeInodes = freeInodes
    }

    /// Returns the use of the file system of the nearest folder that exists.
    public static func at(_ path: FilePath) throws -> FileSystemUse {
        var place = path
        var facts = statvfs()
        while place.withPlatformString({ paths_statvfs($0, &facts) }) != 0 {
            let above = place.removingLastComponent()
            guard errno == ENOENT, above != place, !above.isEmpty else {
                throw FileError.last("ask for the room at", place)
            }
            place = above
        }
        return FileSystemUse(
            used: UInt64(facts.f_blocks - facts.f_bfree), free: UInt64(facts.f_bavail),
            unit: UInt64(facts.f_frsize), usedInodes: UInt64(facts.f_files - facts.f_ffree),
            freeInodes: UInt64(facts.f_favail))
    }

    /// Exact: 90 of 100 is not over 90 per cent.
    public func isOver(percent: UInt64) -> Bool { Self.isOver(used, free, percent) }
    public func isOverInodes(percent: UInt64) -> Bool { Self.isOver(usedInodes, freeInodes, percent) }

    private static func isOver(_ used: UInt64, _ free: UInt64, _ percent: UInt64) -> Bool {
        let total = used &+ free
        return used.multipliedFullWidth(by: 100) > total.multipliedFullWidth(by: percent)
    }

    /// The percentage in tenths, rounded up, so that more than 90 per cent never reads as "90.0".
    public var percentText: String { Self.text(used, free) }
    public var inodePercentText: String { Self.text(usedInodes, freeInodes) }

    private static func text(_ used: UInt64, _ free: UInt64) -> String {
        guard used + free > 0 else { return "0.0 %" }
        let tenths = Int((Double(used) * 1000 / Double(used + free)).rounded(.up))
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
