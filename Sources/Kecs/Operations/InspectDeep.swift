// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage

/// The results of the question whether the server, its database and this host see the same state.
public struct DeepFindings: Hashable, Encodable, Sendable {
    /// The database as the server sees it; `host` is the same as this host sees it.
    public var server: SeenDatabase?
    public var host: SeenDatabase?
    public var api: APIFindings?
    /// The contradictions, in sentences.
    public var problems: [String] = []
    /// The comparisons that were not possible, with the reasons.
    public var unknown: [String] = []

    public struct APIFindings: Hashable, Encodable, Sendable {
        public var clusters: [String]
        public var services: [String: [String]]
    }
}

/// Asks the server itself, for `status --deep`.
public struct InspectDeep: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ instance: Instance) async throws -> DeepFindings {
        var findings = DeepFindings()
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        // An instance that is up but does not serve needs this look even more.
        var isUp = state == .running
        if state == .paused { isUp = await runtime.server.outage() != nil }
        guard isUp else { return findings }
        let (primary, inventory) = try await site.primary(of: instance)
        var file: FilePath?
        switch primary {
        case .found(let database, _):
            file = database.file
            findings.host = try file.flatMap { try SeenDatabase(of: $0) }
            if let inside = inventory.pathInside(of: database) {
                compare(try await runtime.server.serverDatabase(at: inside), file, &findings)
            } else {
                findings.unknown.append(
                    "the database \(database.name): nothing that the server has leads to it")
            }
        case .missing(let part, let path, let reason):
            let place = inventory.place(part, path)
            findings.problems.append("there is no \(place), which \(reason.sentence)")
        case .inContainer:
            findings.problems.append("the database: \(primary.problem ?? "")")
        case .ambiguous, .unknown: findings.unknown.append("the database: \(primary.problem ?? "")")
        // A server need not have a database.
        case .none: break
        }
        if inventory.isKECS != false { await askAPI(inventory, file, &findings) }
        return findings
    }

    private func compare(_ view: ServerView?, _ file: FilePath?, _ findings: inout DeepFindings) {
        switch view {
        case nil: break
        case .unknown(let why): findings.unknown.append("the database that the server sees: \(why)")
        case .nothing(let path):
            guard let host = findings.host else { return }
            findings.problems.append("the server sees no \(path), this host has the database \(host.path)")
        case .database(let server):
            findings.server = server
            guard let file else {
                findings.unknown.append(
                    "the database \(server.path): its volume cannot be reached on this host")
                return
            }
            guard let host = findings.host else {
                findings.problems.append(
                    "the server has the database \(server.path), this host has no \(file)")
                return
            }
            guard !server.isSame(as: host) else { return }
            findings.problems.append(
                "the server's database \(server.path) is not \(host.path) of this host: another folder is "
                    + "mounted there, or it was replaced while the server ran")
        }
    }

    // MARK: The ECS API

    private func askAPI(
        _ inventory: Inventory, _ file: FilePath?, _ findings: inout DeepFindings
    ) async {
        guard let url = inventory.endpoints.first(where: { $0.name == "api" })?.url else { return }
        do {
            let clusters = try await names("ListClusters", "clusterArns", [:], at: url)
            var services: [String: [String]] = [:]
            for cluster in clusters {
                services[cluster] = try await names(
                    "ListServices", "serviceArns", ["cluster": .string(cluster)], at: url)
            }
            findings.api = .init(clusters: clusters, services: services)
            guard let file, try file.isPresent, let known = try remembered(file) else { return }
            if known.keys.sorted() != clusters {
                findings.problems.append(
                    "the API reports the clusters \(listed(clusters)), the database of \(listed(known.keys.sorted()))"
                )
            }
            for (cluster, names) in known.sorted(by: { $0.key < $1.key }) {
                guard let told = services[cluster], told != names else { continue }
                findings.problems.append(
                    "the API reports the services \(listed(told)) in \(cluster), the database of \(listed(names))"
                )
            }
        } catch {
            let failure = Failure.describing(error, doing: "ask the API at \(url)")
            if failure.kind == .notFound, inventory.isKECS == nil {
                findings.unknown.append("the ECS API: \(failure.message)")
                return
            }
            findings.problems.append(failure.message + (failure.cause.map { ": \($0)" } ?? ""))
        }
    }

    private func listed(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    /// Returns the last components of the ARNs that the API lists, sorted; read page by page.
    private func names(
        _ action: String, _ field: String, _ request: [String: JSONValue], at url: String
    ) async throws -> [String] {
        var names: [String] = []
        var request = request
        request["maxResults"] = 100
        // 100 pages of 100: more than any instance here has.
        for _ in 0..<100 {
            let answer = try await ask(action, .object(request), at: url)
            names += (answer[field]?.array ?? []).compactMap {
                $0.string?.split(separator: "/").last.map(String.init)
            }
            guard let next = answer["nextToken"]?.string, !next.isEmpty else { break }
            request["nextToken"] = .string(next)
        }
        return names.sorted()
    }

    private func ask(_ action: String, _ request: JSONValue, at url: String) async throws -> JSONValue {
        var call = ProcessCall(
            "curl", "--silent", "--show-error", "--max-time", "5", "--write-out", "\n%{http_code}",
            "--request",
            "POST", "--header",
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.\(action)", "--header",
            "Content-Type: application/x-amz-json-1.1", "--data", request.text(), url)
        call.limit = .seconds(10)
        let result = try await site.machine.processes.run(call)
        guard result.succeeded else {
            throw Failure(.failed, "the API did not answer \(action)", cause: result.errorText)
        }
        // The last line is the status.
        let lines = result.outputText.split(separator: "\n")
        let status = lines.last.flatMap { Int($0) } ?? 0
        guard (200..<300).contains(status) else {
            throw Failure(
                status == 404 ? .notFound : .failed,
                "what listens at \(url) answered \(action) with the status \(status)",
                cause: "KECS answers it with 200")
        }
        do {
            return try JSONValue(parsing: lines.dropLast().joined(separator: "\n"))
        } catch {
            throw Failure(.failed, "the API's answer to \(action) cannot be read", cause: "\(error)")
        }
    }

    /// Returns the services by cluster as the database has them; nil when it is not an SQLite database with KECS's
    /// tables.
    private func remembered(_ file: FilePath) throws -> [String: [String]]? {
        guard try DatabaseEngine(of: file) == .sqlite else { return nil }
        let database = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
        var tables: Set<String> = []
        try database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").run {
            if let name = $0[0].text { tables.insert(name) }
        }
        guard tables.contains("clusters") else { return nil }
        var known: [String: [String]] = [:]
        try database.prepare("SELECT name FROM clusters").run {
            if let name = $0[0].text { known[name] = [] }
        }
        guard tables.contains("services") else { return known }
        let services =
            "SELECT clusters.name, service_name FROM services JOIN clusters ON clusters.arn = cluster_arn"
        try database.prepare(services).run { row in
            if let cluster = row[0].text, let service = row[1].text {
                known[cluster, default: []].append(service)
            }
        }
        return known.mapValues { $0.sorted() }
    }
}
