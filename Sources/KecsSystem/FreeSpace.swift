// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

public enum FreeSpace {
    /// `f_bavail` blocks of the file system under the path, or under its nearest folder that exists.
    @Sendable public static func at(_ path: FilePath) throws -> ByteCount {
        var place = path
        while true {
            var facts = statvfs()
            if place.withPlatformString({ paths_statvfs($0, &facts) }) == 0 {
                return ByteCount(Int64(clamping: UInt64(facts.f_bavail)))
                    * Int64(clamping: UInt64(facts.f_frsize))
            }
            let above = place.removingLastComponent()
            guard errno == ENOENT, above != place, !above.isEmpty else {
                throw FileError.last("ask for the free space at", place)
            }
            place = above
        }
    }
}
