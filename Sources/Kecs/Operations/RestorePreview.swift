// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Finds what a restore would change, without writing anything.
struct RestorePreview: Sendable {
    let site: Site
    let stage: StageTrees

    func run(_ source: OpenedSource, since began: Duration) throws -> RestoreReport {
        let (instance, request) = (stage.instance, stage.request)
        let places = try stage.places(for: source)
        let rehearsed = try stage.rehearse(source, places)
        let compare = CompareStates(site: site)
        var parts: [Difference.Part] = []
        for place in places {
            guard case .backup(let backup, _) = source.content, let record = place.record else { continue }
            // Each is there once: of half a million files another copy is 30 MB.
            var after = try compare.state(of: record, in: backup)
            var before = PartState()
            if let part = try livePart(place) {
                before = try compare.state(of: part, in: instance, without: record.excluded)
            }
            let isPartial = !request.paths.isEmpty
            if isPartial {
                func isChosen(_ path: [UInt8]) -> Bool {
                    let long = place.label.isEmpty ? path : Array("\(place.label)/".utf8) + path
                    return request.paths.contains { $0.matches(path) || $0.matches(long) }
                }
                before.files = before.files.filter { isChosen($0.key) && after.files[$0.key] != nil }
                after.files = after.files.filter { isChosen($0.key) }
                before.databases = before.databases.filter { isChosen(Array($0.key.utf8)) }
                after.databases = after.databases.filter { isChosen(Array($0.key.utf8)) }
            }
            // Only databases of engines that kecsctl cannot read are compared by their bytes.
            let (contents, rows) = (before.databaseContents, before.databaseRows)
            before.databaseContents = contents.filter { rows[$0.key] == nil }
            after.databaseContents = after.databaseContents.filter { contents[$0.key] != nil }
            if case .entries(_, let named) = place.target, !named.contains(InstanceFolder.configName) {
                before.files[Array(InstanceFolder.configName.utf8)] = nil
                after.files[Array(InstanceFolder.configName.utf8)] = nil
            }
            // A part without a match is not restored.
            if isPartial, after.files.isEmpty, after.databases.isEmpty { continue }
            parts.append(Difference.Part(place.part, before: before, after: after, printable: printable))
        }
        return RestoreReport(
            outcome: .planned, from: source.name,
            parts: source.isOurs ? parts.map(\.name) : rehearsed, undo: nil, state: "",
            durationSeconds: (site.machine.clock.elapsed() - began).inSeconds,
            notes: stage.notes.all
                + (source.isOurs
                    ? [] : ["what a foreign file would change is only known when it is unpacked"]),
            changes: source.isOurs ? Difference(parts: parts) : nil)
    }

    private func livePart(_ place: StageTrees.Place) throws -> Part? {
        switch place.target {
        case .volume: nil
        case .folder(let live), .overlay(let live):
            try live.isFolder ? Part(name: place.part, place: .folder(live)) : nil
        case .entries(let folder, let named):
            try !folder.isFolder
                ? nil
                : Part(name: place.part, place: .entries(of: folder, named: named))
        }
    }
}

extension OpenedSource {
    fileprivate var isOurs: Bool {
        if case .backup = content { true } else { false }
    }
}
