// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

/// Which lines of a Dockerfile bring a database of the build context into the image.
@Suite struct DockerfileTests {
    private func lines(
        _ text: String, ignore: String? = nil, in folder: FilePath, contexts: [String] = [""]
    ) throws -> [Int] {
        try makeDatabase(folder.appending("dev_assets/db.sqlite"))
        try folder.appending("main.go").replaceContents(Array("package main".utf8))
        if let ignore { try folder.appending(".dockerignore").replaceContents(Array(ignore.utf8)) }
        let file = folder.appending("Dockerfile")
        try file.replaceContents(Array(text.utf8))
        let project = ProjectFiles(
            files: [.init(path: file, text: text)], folders: [folder])
        return try ProjectChecks.databasesInDockerfiles(project).compactMap {
            if case .integer(let line)? = $0.evidence["line"] { Int(line) } else { nil }
        }
    }

    @Test(arguments: [
        ("FROM x\nCOPY dev_assets ./dev_assets\n", [2]),
        ("FROM x\nCOPY . .\n", [2]),
        ("FROM x\nCOPY ./ /app/\n", [2]),
        ("FROM x\nCOPY [\"dev_assets\", \"/app/dev_assets\"]\n", [2]),
        ("FROM x\nCOPY --chown=1:1 [\".\", \"/app\"]\n", [2]),
        ("FROM x\nCOPY dev_assets/*.sqlite /app/\n", [2]),
        ("FROM x\nADD dev_assets/db.sqlite /app/seed.sqlite\n", [2]),
        ("FROM x\nCOPY main.go /app/\n", []),
        // By way of a stage: what the last stage takes on, and the line that brought it there.
        (
            "FROM go AS builder\nWORKDIR /app\nCOPY . .\nRUN make\nFROM x\n"
                + "COPY --from=builder /app/dev_assets /app/dev_assets\n", [3, 6]
        ),
        ("FROM go AS builder\nWORKDIR /app\nCOPY . .\nFROM x\nCOPY --from=builder /app/bin /bin/app\n", []),
        ("FROM go\nWORKDIR /app\nCOPY . .\nFROM x\nCOPY --from=0 /app /app\n", [3, 5]),
        ("FROM go AS base\nCOPY . /app\nFROM base\nRUN true\n", [2]),
    ])
    func `every form of COPY is followed`(text: String, expected: [Int]) throws {
        try withTemporaryFolder { folder in
            let found = try lines(text, in: folder)
            #expect(found == expected)
        }
    }

    @Test(arguments: [
        ("dev_assets\n", []), ("/dev_assets/\n", []), ("**/*.sqlite\n", []), ("*\n!main.go\n", []),
        ("# dev_assets\n", [2]), ("dev_assets\n!dev_assets/db.sqlite\n", [2]), ("*.sqlite\n", [2]),
        ("dev_assets/db.sqlit[a-f]\n", []),
    ])
    func `.dockerignore is respected`(ignore: String, expected: [Int]) throws {
        try withTemporaryFolder { folder in
            let found = try lines("FROM x\nCOPY . .\n", ignore: ignore, in: folder)
            #expect(found == expected)
        }
    }
}
