// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// rclone, for one remote: one call each, decided by exit status and by what it prints as JSON, never by its prose. Whatever
/// else it is to do (a proxy, a user agent) its own variables say.
struct Rclone: Sendable {
    let machine: Machine
    let remote: Remote
    /// The remote as rclone calls it.
    private let base: String

    /// For what moves as many bytes as there are.
    static let long: Duration = .seconds(24 * 3600)
    /// Three times as long as rclone itself waits for a line on which nothing comes. Within a call of `long` it must not hang.
    private static let idle: Duration = .seconds(900)
    private static let noSuchFolder: Int32 = 3
    private static let noSuchFile: Int32 = 4
    /// How often a folder is listed again in which another process renames and removes.
    private static let looks = 3

    init(machine: Machine, remote: Remote) throws {
        self.machine = machine
        self.remote = remote
        base = try SSHAddress(remote.address).map { try Self.sftp($0, machine.environment) } ?? remote.address
    }

    func path(_ below: String) -> String { Remote.join(base, below) }

    // MARK: Look

    /// The files below a folder with their sizes, by their paths from there; nil when it is not there.
    ///
    /// - Parameter depth: How many names a path may have. The files of a backup have two at most.
    func list(_ folder: String, depth: Int = 2) async throws -> [String: Int64]? {
        let words = ["lsjson", "--recursive", "--files-only", "--no-modtime", "--no-mimetype"]
        func look() async throws -> ProcessResult {
            try await call(words + ["--max-depth", String(depth), path(folder)], limit: .seconds(600))
        }
        var result = try await look()
        for _ in 0..<Self.looks where isMissing(result) {
            // Or a folder below was renamed or removed while it was listed: then this one is there.
            let flat = try await call(["lsf", "--max-depth", "1", path(folder)], limit: .seconds(600))
            if isMissing(flat) { return nil }
            try check(flat, folder.isEmpty ? "be listed" : "list \(folder)")
            result = try await look()
        }
        let doing = folder.isEmpty ? "be listed" : "list \(folder)"
        try check(result, doing)
        guard !result.isCut, case .array(let items)? = try? JSONValue(parsing: result.outputText) else {
            throw failure(doing, "rclone's answer is not the list of files that was asked for")
        }
        var files: [String: Int64] = [:]
        for item in items {
            guard let path = item["Path"]?.string, case .integer(let size)? = item["Size"] else { continue }
            files[path] = size
        }
        return files
    }

    /// The SHA-256 of every file in a folder, of the bytes that come back from there. No digest that the other side claims.
    ///
    /// - Parameter names: Those to read; nil for all.
    func digests(_ folder: String, of names: [String]? = nil) async throws -> [String: String] {
        let words = ["hashsum", "sha256", "--download", "--max-depth", "2"]
        let some = names == nil ? [] : ["--files-from", "-"]
        var digests: [String: String] = [:]
        for batch in names.map(Self.batches) ?? [[]] {
            let result = try await call(words + some + [path(folder)], input: batch, limit: Self.long)
            if isMissing(result) { return [:] }
            try check(result, "read back \(folder)")
            for line in result.outputText.split(separator: "\n") where line.utf8.count > 66 {
                digests[String(line.dropFirst(66))] = String(line.prefix(64))
            }
        }
        return digests
    }

    /// Of a small file; nil when it is not there.
    func contents(_ file: String) async throws -> [UInt8]? {
        let result = try await call(["cat", path(file)], limit: .seconds(600))
        if isMissing(result) { return nil }
        try check(result, "read \(file)")
        // Of a file that is not there, some versions print nothing and end well.
        return result.output.isEmpty ? nil : result.output
    }

    func download(_ folder: String, to target: FilePath, filters: [String] = []) async throws {
        var result = try await call(["copy"] + filters + [path(folder), target.string], limit: Self.long)
        // A folder below was renamed or removed meanwhile.
        if isMissing(result) {
            result = try await call(["copy"] + filters + [path(folder), target.string], limit: Self.long)
        }
        try check(result, "read \(folder.isEmpty ? "what lies there" : folder)")
    }

    // MARK: Change

    func upload(_ file: FilePath, to target: String) async throws {
        // What lies there by this name is of a run that was cut off.
        try await run(
            ["copyto", "--ignore-times", file.string, path(target)], "write \(target)", limit: Self.long)
    }

    // Never with --no-traverse: with a list of files rclone 1.60 (Debian 12) then asks for each by itself, and stands still for
    // ever when its eight workers have met an error each (a cut line) and names are left.

    /// The same for several files of one folder.
    func upload(_ names: [String], in folder: FilePath, to target: String) async throws {
        let words = ["copy", "--ignore-times", "--files-from", "-", folder.string, path(target)]
        try await run(words, "write \(target)", inBatches: names)
    }

    /// Several files of one folder into another one.
    func move(_ names: [String], in source: String, to target: String) async throws {
        let words = ["move", "--ignore-times", "--files-from", "-", path(source), path(target)]
        try await run(words, "rename \(source)", inBatches: names)
    }

    func move(_ source: String, to target: String) async throws {
        try await run(
            ["moveto", "--ignore-times", path(source), path(target)], "rename \(source)", limit: Self.long)
    }

    /// One that was there when its folder was listed.
    func remove(file: String) async throws {
        try await run(["deletefile", path(file)], "remove \(file)", limit: .seconds(600))
    }

    /// Several of those.
    func remove(files: [String], in folder: String) async throws {
        let words = ["delete", "--files-from", "-", path(folder)]
        try await run(words, "remove what lies in \(folder)", inBatches: files)
    }

    /// A folder in which something still lies stays.
    func removeIfEmpty(_ folder: String) async throws {
        guard try await list(folder, depth: 10)?.isEmpty == true else { return }
        // Where folders are only parts of names there is none any more.
        let result = try await call(["rmdirs", path(folder)], limit: .seconds(600))
        if !isMissing(result) { try check(result, "remove \(folder)") }
    }

    // MARK: Call

    private func run(_ words: [String], _ doing: String, limit: Duration) async throws {
        try check(try await call(words, limit: limit), doing)
    }

    /// One call for each batch of the names that it reads; the first that fails is the last.
    private func run(_ words: [String], _ doing: String, inBatches names: [String]) async throws {
        for batch in Self.batches(names) {
            try check(try await call(words, input: batch, limit: Self.long), doing)
        }
    }

    /// rclone goes through all of its list however many fail, and waits up to 20 s for each that meets a dead line, four at
    /// once: with so many names that takes 20 minutes, with a part's 8,192 it took half a day.
    private static let mostNames = 256

    static func batches(_ names: [String]) -> [[String]] {
        stride(from: 0, to: names.count, by: mostNames).map {
            Array(names[$0..<min($0 + mostNames, names.count)])
        }
    }

    private func isMissing(_ result: ProcessResult) -> Bool {
        result.end == .exited(Self.noSuchFolder) || result.end == .exited(Self.noSuchFile)
    }

    /// - Parameter input: The lines of its standard input.
    func call(
        _ words: [String], input: [String] = [], limit: Duration
    ) async throws -> ProcessResult {
        try machine.cancellation.check()
        try checkIsThere()
        var options = ["--quiet", "--ask-password=false", "--contimeout", "20s", "--timeout", "5m"]
        if let bytes = remote.bandwidth { options += ["--bwlimit", "\(bytes)B"] }
        var call = ProcessCall("rclone", options + words)
        call.limit = limit
        call.idleLimit = Self.idle
        if !input.isEmpty { call.input = .bytes(Array((input.joined(separator: "\n") + "\n").utf8)) }
        call.outputLimit = 256 << 20
        do {
            return try await machine.processes.run(call)
        } catch let error as ProcessError {
            throw Failure(
                .unreachable, "rclone, which reaches remotes, cannot be run",
                cause: Failure.describing(error).message, remedy: "sudo apt-get install rclone")
        }
    }

    /// A folder that is not there is a disk that is not mounted: made anew it would lie on the disk of the data, and what
    /// lies there is not "nothing".
    func checkIsThere() throws {
        guard remote.address.hasPrefix("/") else { return }
        let folder = FilePath(remote.address)
        guard try FileStatus.following(folder)?.kind == .folder else {
            throw Failure(
                .unreachable, "the remote “\(remote.name)” is not there",
                cause: "there is no folder \(folder)",
                remedy: "findmnt --target \(ShellWords.quote([folder.removingLastComponent().string]))")
        }
    }

    func check(_ result: ProcessResult, _ doing: String) throws {
        guard !result.succeeded else { return }
        let words = String(result.errorText.split(separator: "\n").last ?? "")
        let end =
            switch result.end {
            case .exited(let code): "rclone ended with \(code)"
            case .signaled(let signal): "rclone was ended by the signal \(signal)"
            case .timedOut: "rclone took too long, or did nothing for 15 minutes"
            }
        throw failure(doing, words.isEmpty ? end : printable(Array(words.utf8)))
    }

    func failure(_ doing: String, _ why: String) -> Failure {
        Failure(
            .unreachable, "the remote “\(remote.name)” could not \(doing)", cause: why,
            remedy: "kecsctl remote test \(remote.name)")
    }
}
