// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// Remedies, pasted: each one ends well, and the trouble is gone where it says that it would be.
@Suite struct RemedyWorksTests {
    struct Trouble: Sendable, CustomTestStringConvertible {
        var before: [String]
        /// Spoils something in the folder; nil when the commands alone bring the trouble.
        var spoil: (@Sendable (FilePath) throws -> Void)?
        var command: String
        var status: Int32
        /// Whether the same command works afterwards.
        var isGone = true

        init(
            _ command: String, _ status: Int32, after before: String..., isGone: Bool = true,
            spoil: (@Sendable (FilePath) throws -> Void)? = nil
        ) {
            self.command = command
            self.status = status
            self.before = before
            self.isGone = isGone
            self.spoil = spoil
        }

        var testDescription: String { command }
    }

    private static let start = "start dev --runtime local"

    private static let troubles: [Trouble] = [
        .init("backups delete latest --yes", 64, after: start, "backup dev", isGone: false),
        .init("backups delete latest --yes --force", 64, after: start, "backup dev", "backups pin latest"),
        .init("destroy dev", 64, after: start, isGone: false),
        .init("backup", 64, after: start, "start two --runtime local", isGone: false),
        .init(
            "restore --from latest", 64, after: start, "backup dev", "start two --runtime local",
            isGone: false),
        .init(
            "backups show 20", 64, after: start, "backup dev", "start two --runtime local", "backup two",
            isGone: false),
        .init("stop dev", 10, after: start, "backup dev", "destroy dev --yes"),
        .init("stop prodction", 10, after: "start production --runtime local", isGone: false),
        .init("db csv dev nothing", 64, after: start, isGone: false),
        .init("backup dev", 64, after: start) {
            try $0.appending("home/kecsctl.json").replaceContents(Array(#"{"kep": 1}"#.utf8))
        },
        .init("backup dev", 13, after: start, "backup dev") {
            try $0.appending("home/instances/dev/config.json").remove()
        },
        .init("backup dev", 13, after: start, "backup dev") {
            try $0.appending("home/instances/dev/config.json").replaceContents(Array("{".utf8))
        },
        .init("backups verify --all", 13, after: start, "backup dev", isGone: false) { root in
            let store = root.appending("home/backups/dev")
            let archive = store.appending(try store.entries()[0]).appending("data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 1
            try archive.replaceContents(bytes)
        },
    ]

    @Test(arguments: troubles)
    func `what a failure advises works when it is pasted`(trouble: Trouble) async throws {
        let folder = try TestFolder()
        // As it would be given by cron: the home is named, and so it must be in the remedy.
        let home = folder.path.appending("home").string
        func run(_ line: String) async throws -> Caught {
            try await folder.kecsctl(
                line.split(separator: " ").map(String.init) + ["--home", home],
                environment: ["KECS_HOME": "/nonexistent/home"])
        }
        for line in trouble.before {
            let caught = try await run(line)
            #expect(caught.status == 0, "\(line): \(caught.errors)")
        }
        try trouble.spoil?(folder.path)
        let caught = try await run(trouble.command)
        #expect(caught.status == trouble.status, "\(caught.errors)")
        let line = try #require(
            caught.errors.split(separator: "\n").first { $0.contains("  try:     ") }, "\(caught.errors)")
        let remedy = String(line.drop { $0 == " " }.dropFirst("try:".count).drop { $0 == " " })
        let words = try ShellWords(remedy).words
        #expect(words.first == "kecsctl")
        #expect(CommandPath.accepts(Array(words.dropFirst())), "\(remedy)")
        let mended = try await folder.kecsctl(
            Array(words.dropFirst()), environment: ["KECS_HOME": "/nonexistent/home"])
        #expect(mended.status == 0, "\(remedy): \(mended.errors)")
        if trouble.isGone {
            let again = try await run(trouble.command)
            #expect(again.status == 0, "\(trouble.command) after \(remedy): \(again.errors)")
        }
    }
}
