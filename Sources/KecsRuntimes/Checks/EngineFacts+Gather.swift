// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
public import Kecs
import KecsDoctor
public import KecsSystem
import SystemPackage

extension EngineFacts {
    /// The time within which an engine must begin to answer. One that works does so within milliseconds.
    public static let patience = Duration.milliseconds(1500)

    /// Gathers the facts. Every call is bounded, and all are made at once: with docker down this takes as long as one
    /// refused connection, and `patience` where a process listens but does not answer.
    ///
    /// - Parameters:
    ///   - kinds: The kinds of the existing instances: a program that none of them needs is not called.
    ///   - limit: The limit for each program.
    public static func gather(
        _ machine: Machine, for kinds: Set<RuntimeKind> = Set(RuntimeKind.allCases),
        patience: Duration = EngineFacts.patience, limit: Duration = .seconds(4)
    ) async -> EngineFacts {
        let asking = Asking(machine: machine, limit: limit)
        async let server = server(asking, patience)
        async let compose = kinds.contains(.compose) ? compose(asking) : notAsked
        async let k3d = kinds.contains(.k3d) ? say(asking, "k3d", ["version", "-o", "json"]) : notAsked
        async let kubectl =
            kinds.contains(.k3d) ? say(asking, "kubectl", ["version", "--client", "-o", "json"]) : notAsked
        var facts = EngineFacts()
        (facts.socket, facts.server, facts.isSilent) = await server
        // Even docker's request for its plugin may wait for the engine: leaving here ends it.
        facts.compose = facts.isSilent ? .unknown("docker does not answer") : await compose
        facts.k3d = json(await k3d) { $0["k3d"]?.string }
        facts.kubectl = json(await kubectl) { $0["clientVersion"]?["gitVersion"]?.string }
        if case .unknown(let why) = facts.server {
            facts.docker = why == missing("docker") ? .known(false) : .known(true)
            let down = "docker does not answer"
            facts.containers = .unknown(down)
            facts.volumes = .unknown(down)
            facts.networks = .unknown(down)
            facts.images = .unknown(down)
            return facts
        }
        async let containers = containers(asking)
        async let volumes = rows(asking, ["volume", "ls", "--format", "{{json .}}"])
        async let networks = rows(asking, ["network", "ls", "--format", "{{json .}}"])
        async let images = say(asking, "docker", ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"])
        facts.containers = await containers
        facts.volumes = map(await volumes) { rows in
            rows.map { VolumeFacts(name: $0["Name"]?.string ?? "", labels: labels($0)) }
        }
        facts.networks = map(await networks) { rows in
            rows.map { NetworkFacts(name: $0["Name"]?.string ?? "", labels: labels($0)) }
        }
        facts.images = map(await images) { Set($0.split(separator: "\n").map(String.init)) }
        return facts
    }

    private static var notAsked: Known<String> { .unknown("no instance needs it") }

    /// Asks the socket first, without a child: a docker command for a dead engine waits endlessly.
    private static func server(
        _ asking: Asking, _ patience: Duration
    ) async -> (SocketFacts?, Known<String>, isSilent: Bool) {
        let socket = SocketFacts.of(await endpoint(asking))
        if let socket, socket.condition == .ok {
            do {
                _ = try HTTPProbe.get("/_ping", socket: socket.path, limit: patience)
            } catch HTTPProbe.Failure.timeout {
                let why = "\(socket.path) takes calls, and nothing answered within \(patience)"
                return (socket, .unknown(why), true)
            } catch {
                // docker's own words describe any other problem better.
            }
        }
        let question = ["version", "--format", "{{.Server.Version}}"]
        let version = await say(asking, "docker", question, limit: socket == nil ? patience : nil)
        return (socket, version, version == .unknown(silence("docker", patience)))
    }

    /// Returns the address that docker's command would use: `DOCKER_HOST`, or the chosen context.
    private static func endpoint(_ asking: Asking) async -> String? {
        if let host = asking.machine.environment["DOCKER_HOST"], !host.isEmpty { return host }
        return await say(asking, "docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
            .value.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Returns the plugin's version, or that of the former separate program.
    private static func compose(_ asking: Asking) async -> Known<String> {
        let plugin = await say(asking, "docker", ["compose", "version", "--short"])
        guard plugin.value == nil else { return plugin }
        let program = await say(asking, "docker-compose", ["version", "--short"])
        return program.value == nil ? plugin : program
    }

    private static func containers(_ asking: Asking) async -> Known<[ContainerFacts]> {
        let ids = await say(asking, "docker", ["container", "ls", "--all", "--quiet", "--no-trunc"])
        switch ids {
        case .unknown(let why): return .unknown(why)
        case .known(let text):
            let words = text.split(separator: "\n").map(String.init)
            guard !words.isEmpty else { return .known([]) }
            // A container that went meanwhile makes the status 1; the others are printed anyway.
            let answer = await say(asking, "docker", ["container", "inspect"] + words, mayFail: true)
            guard case .known(let text) = answer,
                let all = try? JSONDecoder().decode([JSONValue].self, from: Data(text.utf8))
            else { return .unknown("docker inspect printed no JSON") }
            return .known(all.compactMap { ContainerFacts($0) })
        }
    }

    private static func rows(_ asking: Asking, _ arguments: [String]) async -> Known<[JSONValue]> {
        map(await say(asking, "docker", arguments)) { text in
            text.split(separator: "\n").compactMap { line in
                try? JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))
            }
        }
    }

    /// Parses `a=b,c=d`, in docker's arbitrary order. A value with a comma is cut; ours have none.
    private static func labels(_ row: JSONValue) -> [String: String] {
        var labels: [String: String] = [:]
        for pair in (row["Labels"]?.string ?? "").split(separator: ",") {
            guard let equals = pair.firstIndex(of: "=") else { continue }
            labels[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
        }
        return labels
    }

    private struct Asking: Sendable {
        var machine: Machine
        var limit: Duration
    }

    private static func silence(_ program: String, _ limit: Duration) -> String {
        "“\(program)” did not answer within \(limit)"
    }

    static func missing(_ program: String) -> String { "“\(program)” is not on PATH" }

    private static func say(
        _ asking: Asking, _ program: String, _ arguments: [String], mayFail: Bool = false,
        limit: Duration? = nil
    ) async -> Known<String> {
        var call = ProcessCall(program, arguments)
        call.limit = limit ?? asking.limit
        call.environment = ["LOG_LEVEL": "error", "LOG_COLORS": "0"]
        do {
            let result = try await asking.machine.processes.run(call)
            if result.end == .timedOut { return .unknown(silence(program, call.limit)) }
            guard result.succeeded || mayFail else {
                let lines = (result.errorText + result.outputText).split(separator: "\n")
                return .unknown(lines.first.map(String.init) ?? "“\(program)” failed")
            }
            let text = result.outputText
            return .known(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        } catch ProcessError.notFound {
            return .unknown(missing(program))
        } catch ProcessError.cannotStart(_, let why) {
            return .unknown("“\(program)” cannot be started: \(why)")
        } catch {
            return .unknown("\(error)")
        }
    }

    private static func map<From, To>(_ known: Known<From>, _ change: (From) -> To) -> Known<To> {
        switch known {
        case .known(let value): .known(change(value))
        case .unknown(let why): .unknown(why)
        }
    }

    private static func json(_ known: Known<String>, _ pick: (JSONValue) -> String?) -> Known<String> {
        switch known {
        case .unknown(let why): return .unknown(why)
        case .known(let text):
            guard let json = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)),
                let value = pick(json)
            else { return .unknown("cannot read its version from “\(text.prefix(80))”") }
            return .known(value)
        }
    }
}
