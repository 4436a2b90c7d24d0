// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
public import SystemPackage

/// Runs `body` with an empty folder of mode 0700. It is removed with its content when `body` ends, also by an error.
public func withTemporaryFolder<Result>(_ body: (FilePath) throws -> Result) throws -> Result {
    let folder = try createTemporaryFolder()
    let result: Result
    do {
        result = try body(folder)
    } catch {
        try? folder.removeTree()
        throw error
    }
    try folder.removeTree()
    return result
}

/// Runs `body` with an empty folder of mode 0700. It is removed with its content when `body` ends, also by an error.
public func withTemporaryFolder<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
    let folder = try createTemporaryFolder()
    let result: Result
    do {
        result = try await body(folder)
    } catch {
        try? folder.removeTree()
        throw error
    }
    try folder.removeTree()
    return result
}

private func createTemporaryFolder() throws -> FilePath {
    // TMPDIR may name a special file system: a full one, a slow one.
    let place = FilePath(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")
    let template = place.appending("kecsctl-test-XXXXXX")
    var name = template.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
    guard mkdtemp(&name) != nil else { throw FileError.last("create the folder", template) }
    return name.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { FilePath(platformString: $0) } ?? template
    }
}

/// An empty home of a user, with tools of its own on its `PATH`.
public struct TemporaryHome: Sendable {
    public let folder: FilePath
    /// `$KECS_HOME`; not created.
    public let kecs: FilePath
    public let tools: FakeTools
    /// The variables `HOME`, `KECS_HOME` and `PATH`, without anything from the environment of the tests.
    public let environment: [String: String]

    public static func with<Result>(_ body: (TemporaryHome) async throws -> Result) async throws -> Result {
        try await withTemporaryFolder { folder in
            let tools = try FakeTools(in: folder.appending("tools"))
            let home = folder.appending("home")
            try home.createFolder()
            let kecs = home.appending(".kecs")
            return try await body(
                TemporaryHome(
                    folder: home, kecs: kecs, tools: tools,
                    environment: ["HOME": home.string, "KECS_HOME": kecs.string, "PATH": tools.path]))
        }
    }
}
