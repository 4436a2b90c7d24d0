// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension Site {
    /// Makes a folder for temporary data that is only examined. No other user can enter it; the caller removes it.
    ///
    /// In `$TMPDIR`, /var/tmp or /tmp, the first with enough free space. So a dry run leaves every byte of the home as
    /// it is, and works where the home cannot be written.
    func scratch(for size: ByteCount) throws -> FilePath {
        let own = machine.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : FilePath($0) }
        let places = [own, "/var/tmp", "/tmp"].compactMap(\.self)
        let needed = size + ByteCount(64 << 20)
        var last: Failure?
        for place in places {
            do {
                let free = try machine.freeSpace(place)
                guard free >= needed else {
                    last = Failure(
                        .noRoom, "not enough free space to compare databases",
                        cause: "\(free) are free in \(place) and about \(needed) are needed")
                    continue
                }
                return try place.makePrivateFolder()
            } catch { last = .describing(error) }
        }
        throw last ?? Failure(.failed, "there is no folder for temporary files")
    }
}
