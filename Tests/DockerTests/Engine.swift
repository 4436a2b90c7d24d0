// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// All tests on a real engine, one after the other: they stop it, and count what is on it.
@Suite(.serialized, .enabled(if: Engine.isThere, "run by scripts/with-docker")) struct OnDocker {}

/// The engine that `scripts/with-docker` started for these tests.
struct Engine: Sendable {
    /// Nil when the tests run without one: they are skipped then, and it is said so.
    static let folder = getenv("KECSCTL_TEST_ENGINE").map { FilePath(platformString: $0) }
    static var isThere: Bool { folder != nil }

    static var host: String { "unix://\(folder?.string ?? "")/docker.sock" }

    /// `start`, `term` or `kill`.
    static func order(_ word: String) async throws {
        let script = try #require(folder).appending("engine").string
        try await run(ProcessCall(script, word))
    }

    @discardableResult
    static func docker(_ arguments: String...) async throws -> String {
        try await run(ProcessCall("docker", arguments))
    }

    @discardableResult
    static func run(_ call: ProcessCall) async throws -> String {
        let result = try await SystemProcesses(
            environment: [
                "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_HOST": host, "HOME": "/root",
            ],
            cancellation: Cancellation()
        ).run(call)
        try #require(result.succeeded, "\(call.program) \(call.arguments): \(result.errorText)")
        return result.outputText
    }

    /// Makes the server's image anew; another version is another image under the same name.
    static func build(_ tag: String, version: String = "1", variables: String = "") async throws {
        let here = FilePath(#filePath).removingLastComponent().removingLastComponent()
        var call = ProcessCall(here.appending("Fixtures/docker/build-image").string, tag, version)
        call.environment = ["IMAGE_ENV": variables, "KECSCTL_TEST_ENGINE": folder?.string]
        try await run(call)
    }

    /// Everything that could be left behind, one line each.
    static func inventory() async throws -> [String] {
        var lines = try await docker("ps", "--all", "--format", "container {{.Names}}").split(separator: "\n")
        lines += try await docker("network", "ls", "--format", "network {{.Name}}").split(separator: "\n")
        lines += try await docker("volume", "ls", "--format", "volume {{.Name}}").split(separator: "\n")
        return lines.map(String.init).sorted()
    }
}

/// A home with nothing in it, two free ports, and an end that leaves no container behind.
struct DockerScene: Sendable {
    let root: FilePath
    var kecsctl: Kecsctl
    let api: Int
    let admin: Int

    var data: FilePath { root.appending("home/instances/dev/data") }
    var ports: [String] { ["--api-port", "\(api)", "--admin-port", "\(admin)"] }

    static func with(_ body: (DockerScene) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            var port = UInt16.random(in: 20_000...30_000)
            while try !Ports.isFree(port) || !Ports.isFree(port + 1) { port += 2 }
            let variables = [
                "DOCKER_HOST": Engine.host, "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ]
            let scene = DockerScene(
                root: root, kecsctl: Kecsctl(home: root.appending("home"), environment: variables),
                api: Int(port), admin: Int(port) + 1)
            do {
                try await body(scene)
            } catch {
                try? await clean()
                throw error
            }
            try await clean()
        }
    }

    private static func clean() async throws {
        for name in try await Engine.docker("ps", "-aq").split(separator: "\n") {
            try await Engine.docker("rm", "-f", String(name))
        }
        for name in try await Engine.docker("volume", "ls", "-q").split(separator: "\n") {
            try await Engine.docker("volume", "rm", String(name))
        }
    }

    /// Runs kecsctl and requires that it did what was asked.
    @discardableResult
    func must(
        _ arguments: [String], _ place: SourceLocation = #_sourceLocation
    ) async throws -> Kecsctl.Answer {
        let answer = try await kecsctl.run(arguments)
        try #require(answer.status == 0, "\(arguments): \(answer.errors)", sourceLocation: place)
        return answer
    }

    /// After the next command that changes the instance, which heals; `status` only looks.
    func state(of name: String = "dev") async throws -> String? {
        _ = try await kecsctl("backups", "prune", name, "--keep", "1000")
        return try await kecsctl("status", name, "-o", "json").first()["state"]?.string
    }

    /// Writes a row as the server would: same machine, same locks.
    func insertRow(_ text: String) throws {
        try SQLiteDatabase(data.appending("kecs.db"), .readWrite)
            .execute("INSERT INTO projects (name) VALUES ('\(text)')")
    }

    func rows(_ table: String = "projects", in folder: FilePath? = nil) throws -> Int64 {
        let database = try SQLiteDatabase((folder ?? data).appending("kecs.db"), .readWrite)
        var count: Int64 = -1
        try database.prepare("SELECT count(*) FROM \(table)").run { count = $0[0].integer ?? -1 }
        return count
    }
}

/// The opaque database of `server.c`: a copy of one moment has numbers that never rise from block to block, and differ
/// by one at most.
struct OpaqueFile {
    let numbers: [UInt64]

    init(_ file: FilePath) throws {
        let descriptor = file.withPlatformString { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        defer { close(descriptor) }
        var numbers: [UInt64] = []
        var number: UInt64 = 0
        while pread(descriptor, &number, 8, off_t(numbers.count) << 20 + 16) == 8 { numbers.append(number) }
        self.numbers = numbers
    }

    var isOfOneMoment: Bool {
        guard let first = numbers.first, let last = numbers.last else { return false }
        return zip(numbers, numbers.dropFirst()).allSatisfy { $0 >= $1 } && first - last <= 1
    }
}
