// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

/// A moment or an age: `2026-11-21T01:45`, `7d`.
enum WhenArgument: Hashable, Sendable, ExpressibleByArgument {
    case moment(Moment)
    case ago(TimeSpan)

    init?(argument: String) {
        if let span = TimeSpan(argument) {
            self = .ago(span)
        } else if let moment = Moment(argument) {
            self = .moment(moment)
        } else {
            return nil
        }
    }

    func moment(at now: Moment) -> Moment {
        switch self {
        case .moment(let moment): moment
        case .ago(let span): now - span.duration
        }
    }
}

/// The backups that a list is about.
struct BackupFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only backups with this label. May be given again.", valueName: "key=value"))
    var label: [LabelArgument] = []

    @Option(
        help: ArgumentHelp(
            "Only backups newer than this age or time.", valueName: "7d|time"))
    var since: WhenArgument?

    @Option(help: ArgumentHelp("Only the N newest backups of each instance.", valueName: "count"))
    var last: Int?

    func validate() throws {
        if let last, last < 1 { throw ValidationError("--last wants a number from 1") }
        let keys = label.map(\.key)
        guard Set(keys).count == keys.count else {
            throw ValidationError("--label was given twice for one key, and a backup has one value of each")
        }
    }

    func filter(at now: Moment) -> BackupFilter {
        BackupFilter(
            since: since?.moment(at: now),
            labels: label.reduce(into: [:]) { $0[$1.key] = $1.value }, last: last)
    }
}
