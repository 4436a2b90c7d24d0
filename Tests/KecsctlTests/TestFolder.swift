// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

@testable import kecsctl

/// A folder that goes when nobody holds it any more.
final class TestFolder: Sendable {
    let path: FilePath

    init() throws {
        var template = Array("/tmp/kecsctl-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError.last("create", "/tmp/kecsctl-test") }
        path = FilePath(platformString: template)
        // A home that is named must exist.
        try path.appending("home").createFolder()
    }

    deinit { _ = system("rm -rf '\(path)'") }
}

/// Runs the command line in this process, with both streams caught.
struct Caught {
    var status: Int32
    var output: String
    var errors: String
}

extension TestFolder {
    func kecsctl(_ words: String..., environment: [String: String] = [:]) async throws -> Caught {
        try await kecsctl(words, environment: environment)
    }

    func kecsctl(
        _ words: [String], environment: [String: String] = [:], interruption: RootTask = RootTask()
    ) async throws -> Caught {
        let home = path.appending("home")
        return try await capture { output, errors in
            await Program(
                environment: ["KECS_HOME": home.string].merging(environment) { $1 },
                interruption: interruption, workers: try WorkerThreads(count: Threads.processors + 2),
                output: output, errors: errors
            ).run(words)
        }
    }

    func capture(_ body: (FileDescriptor, FileDescriptor) async throws -> Int32) async throws -> Caught {
        let files = ["stdout", "stderr"].map { path.appending($0) }
        let streams = try files.map {
            try FileDescriptor.open(
                $0, .readWrite, options: [.create, .truncate], permissions: [.ownerReadWrite])
        }
        let status = try await body(streams[0], streams[1])
        for stream in streams { try stream.close() }
        let texts = try files.map { String(decoding: try $0.contents(), as: UTF8.self) }
        return Caught(status: status, output: texts[0], errors: texts[1])
    }
}
