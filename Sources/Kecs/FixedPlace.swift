// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// A variable that names an instance's place. It is read once, when the instance is made, and recorded. Later a
/// different value is an error, so that no command ever works at another place than the instance's own.
struct FixedPlace: Sendable {
    /// The name under which the instance's configuration records it.
    let setting: String
    /// The first one that is set counts.
    let variables: [String]
    let kinds: Set<RuntimeKind>
    let form: Form

    enum Form: Sendable {
        case path, flag, text
        /// Paths with colons or commas between them, and names with commas.
        case paths, names
    }

    private static let engine = Set(RuntimeKind.allCases.filter(\.hasEngine))
    private static let files = Set(RuntimeKind.allCases.filter(\.isDescribedElsewhere))

    static let all = [
        FixedPlace(
            setting: "dataDir", variables: ["KECSCTL_DATA_DIR", "KECS_DATA_DIR"],
            kinds: Set(RuntimeKind.allCases),
            form: .path),
        FixedPlace(
            setting: "containerMode", variables: ["KECSCTL_CONTAINER_MODE", "KECS_CONTAINER_MODE"],
            kinds: Set(RuntimeKind.allCases), form: .flag),
        FixedPlace(
            setting: "dockerHost", variables: ["KECSCTL_DOCKER_HOST", "DOCKER_HOST"], kinds: engine,
            form: .text),
        FixedPlace(
            setting: "dockerContext", variables: ["KECSCTL_DOCKER_CONTEXT", "DOCKER_CONTEXT"], kinds: engine,
            form: .text),
        FixedPlace(
            setting: "dockerConfig", variables: ["KECSCTL_DOCKER_CONFIG", "DOCKER_CONFIG"], kinds: engine,
            form: .path),
        FixedPlace(
            setting: "composeFile", variables: ["KECSCTL_COMPOSE_FILE", "COMPOSE_FILE"], kinds: files,
            form: .paths),
        FixedPlace(
            setting: "composeProfiles", variables: ["KECSCTL_COMPOSE_PROFILES", "COMPOSE_PROFILES"],
            kinds: files, form: .names),
    ]

    /// Returns the value of a text in a normal form, so that two texts with one meaning are equal; nil for an invalid
    /// text.
    func normal(_ text: String, environment: [String: String]) throws(Failure) -> String? {
        switch form {
        case .text: return text
        case .flag: return SettingKey.containerMode.parse(text).map { $0 == .bool(true) ? "true" : "false" }
        case .path: return try Home.absolute(FilePath(text), environment: environment).string
        case .paths:
            var paths: [String] = []
            for path in text.split(whereSeparator: { $0 == ":" || $0 == "," }) {
                paths.append(try Home.absolute(FilePath(String(path)), environment: environment).string)
            }
            return paths.joined(separator: ":")
        case .names:
            return text.split(separator: ",").map { String($0).trimmed }.sorted().joined(separator: ",")
        }
    }

    /// Returns the value that is in effect where nothing is recorded.
    private func standard(
        _ config: InstanceConfig, _ folder: InstanceFolder, _ environment: [String: String]
    ) -> String {
        switch setting {
        case "dataDir": config.settings["containerMode"] == .bool(true) ? "/data" : folder.data.string
        case "containerMode": "false"
        case "dockerHost": "unix:///var/run/docker.sock"
        case "dockerContext": "default"
        case "dockerConfig": "\(environment["HOME"] ?? "")/.docker"
        default: ""
        }
    }

    /// Returns true when the setting applies. A server that was not made by kecsctl keeps its data where its own mounts
    /// are, regardless of KECS's variables.
    private func concerns(_ config: InstanceConfig) -> Bool {
        guard kinds.contains(config.runtime) else { return false }
        guard setting == "dataDir" || setting == "containerMode" else { return true }
        return !config.runtime.isDescribedElsewhere
            && !(config.settings[SettingKey.container.rawValue] != nil
                && config.settings[SettingKey.image.rawValue] == nil)
    }

    private func given(in environment: [String: String]) -> (variable: String, text: String)? {
        for name in variables {
            if let text = environment[name], !text.isEmpty { return (name, text) }
        }
        return nil
    }

    private func failure(_ variable: String, _ text: String) -> Failure {
        Failure(
            .usage, "\(variable) is “\(text)”",
            cause: "\(setting) must be true or false (also 1, 0, yes, no)",
            remedy: "kecsctl config show --origin")
    }

    /// Returns the value of the environment that a new instance records.
    func recorded(for config: InstanceConfig, environment: [String: String]) throws(Failure) -> JSONValue? {
        guard concerns(config), config.settings[setting] == nil, let (name, text) = given(in: environment)
        else {
            return nil
        }
        // Compose's own variables are read by the runtime: with its `.env`, and by the rules of its version.
        if form == .paths || form == .names, !name.hasPrefix("KECSCTL_") { return nil }
        guard let value = try normal(text, environment: environment) else { throw failure(name, text) }
        return form == .flag ? .bool(value == "true") : .string(value)
    }

    /// - Throws: `Failure(.usage)` that names both, when the environment names another place than the recorded one.
    func check(
        _ config: InstanceConfig, _ folder: InstanceFolder, environment: [String: String]
    ) throws(Failure) {
        guard concerns(config), let (name, text) = given(in: environment) else { return }
        guard let now = try normal(text, environment: environment) else { throw failure(name, text) }
        let recorded: String
        switch config.settings[setting] {
        case .string(let text)?: recorded = try normal(text, environment: environment) ?? text
        case .bool(let flag)?: recorded = "\(flag)"
        default: recorded = standard(config, folder, environment)
        }
        guard now != recorded else { return }
        // Profiles of services that ran when the project was adopted are recorded in addition to the named ones.
        if form == .names {
            let known = Set(recorded.split(separator: ","))
            if now.split(separator: ",").allSatisfy(known.contains) { return }
        }
        throw Failure(
            .usage, "“\(config.name)” has \(setting) “\(recorded)”, and \(name) says “\(now)”",
            cause: "the place of an instance was fixed when it was made; “config set \(setting) … --instance "
                + "\(config.name)” changes it",
            remedy: "env -u \(name) kecsctl status \(config.name)")
    }
}

extension InstanceConfig {
    /// Records the environment's values for its place. Call it once, when the instance is made.
    mutating func fixPlace(_ environment: [String: String]) throws(Failure) {
        for place in FixedPlace.all {
            if let value = try place.recorded(for: self, environment: environment) {
                settings[place.setting] = value
            }
        }
        // A context is a name in docker's own folder, which another user's cron would look for elsewhere.
        if settings["dockerContext"] != nil, settings["dockerConfig"] == nil, let home = environment["HOME"] {
            settings["dockerConfig"] = .string("\(home)/.docker")
        }
    }
}

extension Instance {
    /// The variables for programs that ask docker, as they were when the instance was made.
    public var engineVariables: [String: String] {
        var variables: [String: String] = [:]
        for (setting, name) in [
            ("dockerHost", "DOCKER_HOST"), ("dockerContext", "DOCKER_CONTEXT"),
            ("dockerConfig", "DOCKER_CONFIG"),
        ] {
            if let text = config.settings[setting]?.string { variables[name] = text }
        }
        return variables
    }
}
