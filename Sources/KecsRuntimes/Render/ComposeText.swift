// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Renders services that run as a compose file that makes the same ones again, on the same volumes and folders. It
/// contains no secret's value: a secret is a variable that must be set to start it.
struct ComposeText {
    /// The project's name, for a `name:` at the top; compose 1 refuses it.
    var project: String?
    var services: [RunningService]
    /// The labels of the existing networks, by name.
    var networks: [String: [String: String]]

    func text(heading: String) -> String {
        var lines = heading.split(separator: "\n").map { "# \($0)" }
        let secrets = Set(services.flatMap(\.variables).filter(\.isSecret).map(\.name)).sorted()
        if !secrets.isEmpty {
            lines.append(
                "# Not in this file, to be set where it is started: \(secrets.joined(separator: ", "))")
        }
        if let project { lines.append("name: \(quoted(project))") }
        lines.append("services:")
        for service in services { lines += block(service).map { "  " + $0 } }
        let volumes = Set(services.flatMap(\.mounts).filter { $0.type == "volume" }.map(\.source)).sorted()
        if !volumes.isEmpty {
            lines.append("volumes:")
            for name in volumes {
                lines += ["  \(quoted(name)):", "    external: true", "    name: \(quoted(name))"]
            }
        }
        let used = Set(services.flatMap(\.networks.keys)).sorted()
        if !used.isEmpty {
            lines.append("networks:")
            for name in used {
                lines.append("  \(quoted(key(ofNetwork: name))):")
                lines.append("    name: \(quoted(name))")
                // Compose recreates the networks that it made.
                if networks[name]?[Self.networkLabel] == nil { lines.append("    external: true") }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let networkLabel = "com.docker.compose.network"

    /// Returns the network's key. Compose takes a network for its own only under the name that it had in the file.
    private func key(ofNetwork name: String) -> String { networks[name]?[Self.networkLabel] ?? name }

    private func block(_ service: RunningService) -> [String] {
        let secrets = service.variables.filter { $0.isSecret && $0.value.count >= 8 }
        func quoted(_ text: String) -> String { self.quoted(text, hiding: secrets) }
        func list(_ key: String, _ values: [String]) -> [String] {
            values.isEmpty ? [] : ["  \(key):"] + values.map { "    - \(quoted($0))" }
        }
        func row(_ values: [String]) -> String { "[" + values.map(quoted).joined(separator: ", ") + "]" }
        var lines = ["\(self.quoted(service.name)):"]
        if let tag = service.formerTag {
            lines.append("  # The tag \(tag) names another image by now.")
        }
        lines.append("  image: \(quoted(service.image))")
        if service.count > 1 {
            lines.append("  scale: \(service.count)")
        } else if !service.hasComposeName {
            lines.append("  container_name: \(quoted(service.containerName))")
        }
        if let words = service.entrypoint { lines.append("  entrypoint: \(row(words))") }
        if let words = service.command { lines.append("  command: \(row(words))") }
        if !service.user.isEmpty { lines.append("  user: \(quoted(service.user))") }
        if !service.workingFolder.isEmpty { lines.append("  working_dir: \(quoted(service.workingFolder))") }
        for value in service.values { lines.append("  \(value.name): \(quoted(value.value))") }
        for item in service.switches { lines.append("  \(item.name): true") }
        if service.restart != "no" { lines.append("  restart: \(quoted(service.restart))") }
        if let signal = service.stopSignal { lines.append("  stop_signal: \(quoted(signal))") }
        if let seconds = service.stopTimeout { lines.append("  stop_grace_period: \(seconds)s") }
        if !service.dependsOn.isEmpty {
            lines.append("  depends_on:")
            for dependency in service.dependsOn {
                lines.append("    \(quoted(dependency.service)):")
                lines.append("      condition: \(dependency.condition.rawValue)")
            }
        }
        if !service.variables.isEmpty {
            lines.append("  environment:")
            for variable in service.variables {
                let value =
                    variable.isSecret
                    ? "\"${\(variable.name):?set \(variable.name)}\"" : quoted(variable.value)
                lines.append("    \(quoted(variable.name)): \(value)")
            }
        }
        lines += list("ports", service.ports)
        if !service.mounts.isEmpty {
            lines.append("  volumes:")
            for mount in service.mounts {
                lines += [
                    "    - type: \(mount.type)", "      source: \(quoted(mount.source))",
                    "      target: \(quoted(mount.target))",
                ]
                if !mount.isWritable { lines.append("      read_only: true") }
            }
        }
        lines += list(
            "tmpfs",
            service.memoryFolders.sorted { $0.key < $1.key }.map { path, options in
                options.isEmpty ? path : "\(path):\(options)"
            })
        if let health = service.health {
            lines.append("  healthcheck:")
            lines.append("    test: \(row(health.test))")
            lines += health.times.map { "    \($0.name): \($0.value)" }
            if let retries = health.retries { lines.append("    retries: \(retries)") }
        }
        for option in service.lists { lines += list(option.name, option.values) }
        if let mode = service.networkMode {
            lines.append("  network_mode: \(quoted(mode))")
        } else if !service.networks.isEmpty {
            lines.append("  networks:")
            for (name, aliases) in service.networks.sorted(by: { $0.key < $1.key }) {
                lines.append("    \(quoted(key(ofNetwork: name))):")
                if !aliases.isEmpty { lines.append("      aliases: \(row(aliases.sorted()))") }
            }
        }
        if !service.labels.isEmpty {
            lines.append("  labels:")
            for (key, value) in service.labels.sorted(by: { $0.key < $1.key }) {
                lines.append("    \(quoted(key)): \(quoted(value))")
            }
        }
        return lines
    }

    /// Returns a YAML string in double quotes, in which compose finds only the variables of secrets.
    private func quoted(_ text: String, hiding secrets: [RunningService.Variable] = []) -> String {
        var result = ""
        var rest = text[...]
        outer: while let character = rest.first {
            for secret in secrets where rest.hasPrefix(secret.value) {
                result += "${\(secret.name)}"
                rest = rest.dropFirst(secret.value.count)
                continue outer
            }
            result += character == "$" ? "$$" : String(character)
            rest = rest.dropFirst()
        }
        return "\"" + Rendering.escaped(result) + "\""
    }
}

extension RunningService {
    /// True for a name that compose gives by default: `p-app-1` or `p_app_1`.
    var hasComposeName: Bool {
        guard let project else { return false }
        return ["-", "_"].contains { containerName.hasPrefix("\(project)\($0)\(name)\($0)") }
    }

    /// The words in the form that `docker run` takes.
    var dockerWords: [String] {
        var words = ["docker", "run", "--detach", "--name", containerName]
        if restart != "no" { words += ["--restart", restart] }
        if !user.isEmpty { words += ["--user", user] }
        if !workingFolder.isEmpty { words += ["--workdir", workingFolder] }
        for value in values { words += [value.flag, value.value] }
        for item in switches { words.append(item.flag) }
        for option in lists { words += option.values.flatMap { [option.flag, $0] } }
        if let stopSignal { words += ["--stop-signal", stopSignal] }
        if let stopTimeout { words += ["--stop-timeout", "\(stopTimeout)"] }
        for port in ports { words += ["--publish", port] }
        // Without a value it comes from the shell that runs this.
        for item in variables {
            words += ["--env", item.isSecret ? item.name : "\(item.name)=\(item.value)"]
        }
        for mount in mounts {
            let argument =
                mount.type == "bind"
                ? VolumeMount.bind(mount.source, mount.target)
                : "type=volume,source=\(mount.source),target=\(mount.target)"
            words += ["--mount", argument + (mount.isWritable ? "" : ",readonly")]
        }
        for (path, options) in memoryFolders.sorted(by: { $0.key < $1.key }) {
            words += ["--tmpfs", options.isEmpty ? path : "\(path):\(options)"]
        }
        if let health { words += healthWords(health) }
        if let networkMode {
            words += ["--network", networkMode]
        } else if let (network, aliases) = networks.min(by: { $0.key < $1.key }) {
            words += ["--network", network] + aliases.sorted().flatMap { ["--network-alias", $0] }
        }
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            words += ["--label", "\(key)=\(value)"]
        }
        // Only the first word of an entry point can be given as an option.
        if let first = entrypoint?.first { words += ["--entrypoint", first] }
        return words + [image] + (entrypoint?.dropFirst() ?? []) + (command ?? [])
    }

    private func healthWords(_ health: Health) -> [String] {
        var words: [String] = []
        switch health.test.first {
        case "NONE": return ["--no-healthcheck"]
        case "CMD": words = ["--health-cmd", ShellWords.quote(Array(health.test.dropFirst()))]
        case "CMD-SHELL": words = ["--health-cmd", health.test.dropFirst().joined(separator: " ")]
        default: return []
        }
        for time in health.times {
            words += ["--health-\(time.name.split(separator: "_").joined(separator: "-"))", time.value]
        }
        if let retries = health.retries { words += ["--health-retries", "\(retries)"] }
        return words
    }
}
