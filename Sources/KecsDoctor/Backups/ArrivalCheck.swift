// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem
import SystemPackage

/// What a move or a clone that was never finished has left at this end. Such an instance need not be here, so that all of the
/// home's folders of backups are looked at.
struct ArrivalCheck: Check {
    let info = CheckInfo(
        "move.abandoned", .machine, .warning, "no incoming move has stalled")

    /// From when on nobody is taken to be about to go on. Less than that a machine may be without a network over a weekend.
    private static let patience: Duration = .seconds(3 * 86_400)

    func run(_ look: Look) throws -> [Finding] {
        let backups = look.site.home.backups
        guard try backups.isFolder else { return [] }
        return try backups.entries().map(\.string).sorted().compactMap { name in
            guard let name = InstanceName(name) else { return nil }
            let place = ArrivalPlace(store: look.site.home.backupStore(of: name))
            guard try place.folder.isFolder else { return nil }
            return try finding(name, place, look)
        }
    }

    private func finding(_ name: InstanceName, _ place: ArrivalPlace, _ look: Look) throws -> Finding? {
        var (newest, bytes) = (Moment(seconds: 0), Int64(0))
        for file in [place.folder] + (try place.folder.entries().map(place.folder.appending)) {
            guard let status = try FileStatus.of(file) else { continue }
            newest = max(newest, status.modified)
            if status.kind == .file { bytes = bytes.adding(status.size) }
        }
        guard look.now.since(newest) > Self.patience else { return nil }
        let record = try place.record()
        let from = record.map { " from \(printable(Array($0.from.utf8)))" } ?? ""
        return Finding(
            .warning,
            "\(ByteCount(bytes)) arrived\(from) for “\(name)”, and nothing since \(newest)"
                + (record?.landed == nil
                    ? "; if it was abandoned, they can be removed"
                    : "; its backup is in place here, and the same move there would go on"),
            [
                "path": .string(place.folder.string), "bytes": .integer(bytes), "since": .string("\(newest)"),
                "landed": .bool(record?.landed != nil),
            ],
            remedy: "rm -rf \(ShellWords.quote([place.folder.string]))",
            instance: try look.site.home.folder(of: name).path.isFolder ? name.description : nil)
    }
}
