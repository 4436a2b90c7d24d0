// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsSystem
import Synchronization
import SystemPackage

/// The engine's images and volumes, and files that are copied out of and into containers.
extension Docker {
    // MARK: Images

    /// The id of an image of this engine; never fetches one.
    func image(_ reference: String) async throws -> String? { try await imageFacts(reference)?.id }

    func imageFacts(_ reference: String) async throws -> DockerImage? {
        try await inspect(DockerImage.self, ["image", "inspect", reference]).first
    }

    /// Ids of all images here.
    func images() async throws -> [String] {
        try await ask(["image", "ls", "--quiet", "--no-trunc"]).outputText.split(separator: "\n").map(
            String.init)
    }

    /// Creates, runs and waits. False when the program ended badly or could not be run in there.
    func runToEnd(_ arguments: [String]) async throws -> Bool {
        let result = try await run(["container", "run"] + arguments, limit: .seconds(3600))
        if !result.succeeded { try await checkAnswers(after: result) }
        return result.succeeded
    }

    func pull(_ reference: String) async throws -> ProcessResult {
        var call = ProcessCall("docker", "image", "pull", "--quiet", reference)
        call.limit = .seconds(1800)
        return try await perform(call)
    }

    // MARK: Volumes

    func volume(_ name: String) async throws -> DockerVolume? {
        try await inspect(DockerVolume.self, ["volume", "inspect", name]).first
    }

    /// Those of the names that are there, asked at once.
    func volumes(named names: [String]) async throws -> [DockerVolume] {
        names.isEmpty ? [] : try await inspect(DockerVolume.self, ["volume", "inspect"] + names)
    }

    func createVolume(_ name: String, arguments: [String]) async throws {
        try await ask(["volume", "create"] + arguments + [name])
    }

    func removeVolume(_ name: String) async throws { try await ask(["volume", "rm", name]) }
    func removeNetwork(_ name: String) async throws { try await ask(["network", "rm", name]) }

    /// About how much a volume holds, rounded up; nil when docker cannot tell, as of one that is mounted only while it is
    /// used, or does not tell in time: it looks at every file of every volume.
    func size(ofVolume name: String) async throws -> ByteCount? {
        struct Volume: Decodable {
            var name: String
            var size: String
            private enum CodingKeys: String, CodingKey {
                case name = "Name"
                case size = "Size"
            }
        }
        let result = try await run(
            ["system", "df", "--verbose", "--format", "{{json .Volumes}}"], limit: .seconds(60))
        if case .timedOut = result.end { return nil }
        // The format cannot be chosen with the clients before 23.0.
        guard result.succeeded else {
            try await checkAnswers(after: result)
            return nil
        }
        guard let volumes = try? JSONDecoder().decode([Volume].self, from: Data(result.output)) else {
            throw unreadable("system df", String(result.outputText.prefix(200)))
        }
        return volumes.first { $0.name == name }.flatMap { Self.bytes($0.size) }
    }

    /// "0B", "4.592MB", "1.2kB" (docker/go-units, four digits, powers of 1000); nil for "N/A".
    static func bytes(_ text: String) -> ByteCount? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let units: [Substring: Double] = ["B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15]
        guard let number = Double(digits), let unit = units[text[digits.endIndex...]] else { return nil }
        return ByteCount(Int64((number * unit * 1.001).rounded(.up)))
    }

    /// A tar stream of a folder of a container, which need not run.
    func copyOut(
        _ path: String, of id: String, limit: Duration,
        to output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        var call = ProcessCall("docker", "container", "cp", "\(id):\(path)", "-")
        call.limit = limit
        let result = try await stream(call, output: output)
        if case .timedOut = result.end {
            throw Failure(
                .timeout, "copying \(path) of a container did not end within \(limit)",
                remedy: "kecsctl backup --max-pause 1m")
        }
        try await check(result, call.arguments)
    }

    /// The other way round; what is there and not in the tar stays. Owners are the tar's: `--archive` would make all
    /// files the image's user's (moby, `daemon/archive_tarcopyoptions_unix.go`).
    func copyIn(_ tar: FilePath, to path: String, of id: String) async throws {
        var call = ProcessCall("docker", "container", "cp", "-", "\(id):\(path)")
        call.input = .file(tar)
        call.limit = .seconds(24 * 3600)
        try await check(try await perform(call), call.arguments)
    }
}
