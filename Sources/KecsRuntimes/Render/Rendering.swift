// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
import SystemPackage

/// Files to run an instance without kecsctl: those that the guides show, corrected for this instance.
public struct Rendering: Sendable {
    public enum Form: String, Sendable, CaseIterable {
        case compose, docker, kubernetes, entrypoint, env, dockerfile
        case githubActions = "github-actions"
        case minio, velero

        /// True when it prints objects of a cluster, not files for other tools.
        public var isVelero: Bool { self == .minio || self == .velero }
    }

    let name: InstanceName
    let image: String
    /// The folder on this host.
    let data: FilePath
    let user: String
    let apiPort: Int
    let adminPort: Int
    /// The group of docker's socket; nil when there is none.
    let socketGroup: UInt32?
    let home: FilePath
    /// The owner of the existing data; nil as long as there is none.
    let owner: (user: UInt32, group: UInt32)?
    /// The existing containers.
    var running: [RunningService] = []
    var networks: [String: [String: String]] = [:]
    var order: ComposeOrder?
    var hasComposePlugin = true

    public init(_ instance: Instance, site: Site) throws {
        name = instance.name
        image = instance.config.settings["image"]?.string ?? "ghcr.io/nandemo-ya/kecs:latest"
        data = try instance.dataFolder()
        user = instance.config.settings["owner"]?.string ?? "65532:65532"
        apiPort = try instance.settings.number(.apiPort) ?? 5373
        adminPort = try instance.settings.number(.adminPort) ?? 5374
        let socket = SocketFacts.of(site.machine.environment)
        socketGroup = socket.flatMap { $0.condition == .missing ? nil : $0.group }
        home = site.home.path
        owner = try FileStatus.following(data).map { (user: $0.owner, group: $0.group) }
    }

    public func text(_ form: Form) -> String {
        switch form {
        case .compose: running.isEmpty ? compose : runningCompose
        case .docker: running.isEmpty ? docker : runningDocker
        case .kubernetes: kubernetes
        case .entrypoint: entrypoint
        case .env: environmentFile
        case .dockerfile: dockerfile
        case .githubActions: githubActions
        // VeleroRendering has them.
        case .minio, .velero: ""
        }
    }

    /// A YAML string in double quotes: JSON's rules are YAML's here.
    func quoted(_ text: String) -> String { "\"" + Self.escaped(text) + "\"" }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Returns the text for a compose file, where a `$` begins a variable.
    private func composed(_ text: String) -> String {
        quoted(text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$"))
    }

    private var compose: String {
        let groups = socketGroup.map { "    group_add:\n      - \"\($0)\"\n" } ?? ""
        return """
            # The instance \(name). The data lies in \(data), and stays when the containers go.
            # Written by “kecsctl render compose \(name)”.
            services:
              init:
                image: busybox:1.36
                user: "0:0"
                network_mode: none
                command: ["sh", "-c", "mkdir -p /data && chown \(user) /data && chmod 0700 /data"]
                volumes:
                  - type: bind
                    source: \(composed(data.string))
                    target: /data
              kecs:
                image: \(composed(image))
                user: "\(user)"
            \(groups)    restart: unless-stopped
                depends_on:
                  init:
                    condition: service_completed_successfully
                environment:
                  KECS_CONTAINER_MODE: "true"
                  KECS_DATA_DIR: /data
                  KECS_INSTANCE: "\(name)"
                  KECS_AUTO_RECOVER_STATE: "true"
                ports:
                  - "127.0.0.1:\(apiPort):5373"
                  - "127.0.0.1:\(adminPort):5374"
                volumes:
                  - type: bind
                    source: \(composed(data.string))
                    target: /data
                  - type: bind
                    source: /var/run/docker.sock
                    target: /var/run/docker.sock
                healthcheck:
                  test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5374/health"]
                  interval: 30s
                  timeout: 10s
                  retries: 3
                  start_period: 40s
                stop_grace_period: 30s
                labels:
                  dev.kecsctl.compose: "\(name)"

            """
    }

    private var docker: String {
        var words = [
            "docker", "run", "--detach", "--name", "kecs-\(name)", "--restart", "unless-stopped", "--user",
            user,
        ]
        if let socketGroup { words += ["--group-add", "\(socketGroup)"] }
        words += [
            "--publish", "127.0.0.1:\(apiPort):5373", "--publish", "127.0.0.1:\(adminPort):5374", "--env",
            "KECS_CONTAINER_MODE=true", "--env", "KECS_DATA_DIR=/data", "--env", "KECS_INSTANCE=\(name)",
            "--volume",
            "\(data):/data", "--volume", "/var/run/docker.sock:/var/run/docker.sock", "--health-cmd",
            "wget -q -O /dev/null http://127.0.0.1:5374/health", "--health-interval", "30s",
            "--health-timeout", "10s",
            "--health-retries", "3", "--health-start-period", "40s", "--stop-timeout", "30", image,
        ]
        return """
            #!/bin/sh
            # Runs the instance \(name). Written by “kecsctl render docker \(name)”.
            set -eu
            # Before docker does it, as root.
            mkdir -p \(ShellWords.quote([data.string]))
            if [ "$(id -u)" = 0 ]; then
                chown \(user) \(ShellWords.quote([data.string]))
            fi
            exec \(ShellWords.quote(words))

            """
    }
}
