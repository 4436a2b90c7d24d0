// SPDX-License-Identifier: Apache-2.0
import KecsStorage
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
            let planned = try compare.state(of: record, in: backup)
            var live = PartState()
            if let part = try livePart(place) {
                live = try compare.state(of: part, in: instance, without: record.excluded)
            }
            let isPartial = !request.paths.isEmpty
            func isChosen(_ path: [UInt8]) -> Bool {
                guard isPartial else { return true }
                let long = place.label.isEmpty ? path : Array("\(place.label)/".utf8) + path
                return request.paths.contains { $0.matches(path) || $0.matches(long) }
            }
            var before = live
            var after = planned
            before.files = live.files.filter {
                isChosen($0.key) && (!isPartial || planned.files[$0.key] != nil)
            }
            after.files = planned.files.filter { isChosen($0.key) }
            before.databases = live.databases.filter { isChosen(Array($0.key.utf8)) }
            after.databases = planned.databases.filter { isChosen(Array($0.key.utf8)) }
            // Only databases of engines that kecsctl cannot read are compared by their bytes.
            before.databaseContents = live.databaseContents.filter { live.databaseRows[$0.key] == nil }
            after.databaseContents = planned.databaseContents.filter { live.databaseContents[$0.key] != nil }
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
