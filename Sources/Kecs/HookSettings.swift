// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// A program that is run around an operation.
public struct Hook: Hashable, Sendable {
    public enum Operation: String, CaseIterable, Sendable { case backup, restore, stop }
    public enum Phase: String, CaseIterable, Sendable { case before, after }

    public var operation: Operation
    public var phase: Phase
    /// The program and its arguments; no shell reads them.
    public var words: [String]
    public var limit: TimeSpan
    /// The instances that it is for; nil for every instance.
    public var instances: Set<String>?

    public static let standardLimit = TimeSpan(milliseconds: 60_000)

    func isFor(_ operation: Operation, _ phase: Phase, _ name: InstanceName) -> Bool {
        self.operation == operation && self.phase == phase
            && (instances?.contains(name.description) ?? true)
    }
}

/// All hooks, in their order. In `hooks` of the home's `kecsctl.json`, and nowhere else, so that no backup and no
/// bundle can bring one:
///
///     "hooks": [
///       {"on": "backup", "when": "before", "argv": ["/usr/local/bin/quiesce"], "limit": "30s", "instances": ["dev"]}
///     ]
public struct HookSettings: Hashable, Sendable {
    public var hooks: [Hook] = []

    /// - Throws: `Failure(.usage)` for a hook that would not run as written: it must not be left out in silence.
    public static func read(_ site: Site) throws -> HookSettings {
        guard try site.home.settings.isPresent else { return HookSettings() }
        guard let json = try JSONFile.read(JSONValue.self, from: site.home.settings)["hooks"] else {
            return HookSettings()
        }
        guard let list = json.array else { throw refusal(site, nil, "“hooks” is no list") }
        return HookSettings(
            hooks: try list.enumerated().map { index, value in
                do { return try hook(value) } catch let why as Refused {
                    throw refusal(site, index + 1, why.why)
                }
            })
    }

    private struct Refused: Error { let why: String }

    private static func hook(_ json: JSONValue) throws(Refused) -> Hook {
        guard case .object(let fields) = json else { throw Refused(why: "it is no object") }
        let known: Set = ["on", "when", "argv", "limit", "instances"]
        if let stranger = fields.keys.sorted().first(where: { !known.contains($0) }) {
            throw Refused(
                why: "it has a field “\(printable(Array(stranger.utf8)))”"
                    + (NearestWord.of(stranger, among: known).map { "; the nearest is “\($0)”" } ?? ""))
        }
        func choice<Choice: RawRepresentable & CaseIterable>(
            _ key: String, _ type: Choice.Type
        ) throws(Refused) -> Choice where Choice.RawValue == String {
            if let found = json[key]?.string.flatMap({ Choice(rawValue: $0) }) { return found }
            throw Refused(
                why: "“\(key)” must be \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let operation = try choice("on", Hook.Operation.self)
        let phase = try choice("when", Hook.Phase.self)
        let words = json["argv"]?.array ?? []
        let argv = words.compactMap(\.string)
        guard !argv.isEmpty, argv.count == words.count, argv[0].hasPrefix("/"),
            !argv.contains(where: { $0.contains("\0") })
        else {
            throw Refused(
                why: "“argv” must be a list of texts, and the first one the program's absolute path")
        }
        var limit = Hook.standardLimit
        if let value = json["limit"] {
            guard let span = value.string.flatMap({ TimeSpan($0) }), span.milliseconds > 0 else {
                throw Refused(why: "“limit” must be a time such as 30s or 5m")
            }
            limit = span
        }
        var instances: Set<String>?
        if let value = json["instances"] {
            let names = value.array?.compactMap(\.string) ?? []
            guard !names.isEmpty, names.count == value.array?.count,
                names.allSatisfy({ InstanceName($0) != nil })
            else { throw Refused(why: "“instances” must be a list of names") }
            instances = Set(names)
        }
        return Hook(operation: operation, phase: phase, words: argv, limit: limit, instances: instances)
    }

    private static func refusal(_ site: Site, _ number: Int?, _ why: String) -> Failure {
        Failure(
            .usage,
            number.map { "hook \($0) in \(site.home.settings) cannot be used" }
                ?? "the hooks in \(site.home.settings) cannot be used",
            cause: why, remedy: "kecsctl config check")
    }
}
