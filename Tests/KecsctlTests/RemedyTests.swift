// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs
@testable import kecsctl

/// Command lines that the program offers to people.
@Suite struct RemedyTests {
    private static let sources = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("Sources")

    private static func swiftFiles(below folder: FilePath) throws -> [FilePath] {
        try folder.entries().flatMap { name -> [FilePath] in
            let path = folder.appending(name)
            if try path.isFolder { return try swiftFiles(below: path) }
            return name.string.hasSuffix(".swift") ? [path] : []
        }
    }

    /// What stands for an interpolation: enough to be parsed.
    private static func value(of expression: String) -> String {
        let name = expression.lowercased()
        if name.contains("argument") || name.contains("again") || name.contains("command") { return "list" }
        if name.contains("\"api\"") { return "api" }
        if name.contains("number") { return "9000" }
        if name.contains("kind.raw") || name.contains("runtime.raw") { return "local" }
        if name.contains("otherports") { return "--api-port 9000 --admin-port 9001" }
        if name.contains("port") { return "8080" }
        if name.contains("userid") || name.contains("groupid") || name.contains("owner") { return "1000" }
        if name.contains("key") { return "apiPort" }
        if name.contains("first") || name.contains("tail") || name.contains("count") { return "9000" }
        if name.contains("path") || name.contains("file") || name.contains("folder") || name.contains("data")
        {
            return "/tmp/x"
        }
        if name.contains("id") || name.contains("backup") { return "20261128T220000Z-manual" }
        if name.contains("limit") { return "2m" }
        return "dev"
    }

    /// Every literal that begins with `kecsctl `, its interpolations filled in, with the line it stands on.
    private static func commandLines(in text: String) -> [(line: Int, words: String)] {
        var found: [(Int, String)] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let code = line.drop { $0 == " " }
            guard !code.hasPrefix("//") else { continue }
            for start in ["\"kecsctl ", "\"sudo kecsctl ", "“kecsctl "] {
                var rest = line[...]
                while let range = rest.firstRange(of: start) {
                    rest = rest[range.upperBound...]
                    var literal = ""
                    var index = rest.startIndex
                    var isWhole = false
                    while index < rest.endIndex {
                        let character = rest[index]
                        if character == (start.hasPrefix("“") ? "”" : "\"") {
                            isWhole = true
                            break
                        }
                        if character == "\\", rest[rest.index(after: index)...].hasPrefix("(") {
                            var depth = 0
                            var expression = ""
                            index = rest.index(after: index)
                            while index < rest.endIndex {
                                if rest[index] == "(" { depth += 1 }
                                if rest[index] == ")" { depth -= 1 }
                                if depth == 0 { break }
                                expression.append(rest[index])
                                index = rest.index(after: index)
                            }
                            literal += value(of: expression)
                        } else if character == "\\" {
                            index = rest.index(after: index)
                            if index < rest.endIndex { literal.append(rest[index]) }
                        } else {
                            literal.append(character)
                        }
                        if index < rest.endIndex { index = rest.index(after: index) }
                    }
                    if isWhole { found.append((number + 1, literal)) }
                }
            }
        }
        return found
    }

    /// Up to what only a shell understands.
    private static func withoutShell(_ text: String) -> String {
        for sign in [" | ", " > ", " && ", "  "] {
            if let range = text.firstRange(of: sign) {
                return withoutShell(String(text[..<range.lowerBound]))
            }
        }
        return text
    }

    /// Where a word of prose, or the beginning of a longer text, looks like a command line.
    private static let notCommands: Set = [
        "Rendering+Kubernetes.swift", "ImportDocument.swift",
        // Made of the words that were typed.
        "BackupChoice.swift", "InstanceSelection.swift", "Question.swift", "UsageProblem.swift",
        // The command's name alone, for whoever finds the lock.
        "ArrivalPlace.swift", "LandArrival.swift",
    ]

    @Test func `every command line in the program's texts is one that it accepts`() throws {
        var count = 0
        for file in try Self.swiftFiles(below: Self.sources) {
            let name = file.lastComponent?.string ?? ""
            guard !Self.notCommands.contains(name) else { continue }
            for (line, text) in Self.commandLines(in: String(decoding: try file.contents(), as: UTF8.self)) {
                // Beginnings of texts that go on in code.
                guard !text.hasSuffix(" "), !text.isEmpty, let first = text.split(separator: " ").first,
                    // Prose begins with a word that resembles no command, but for “kecsctl made it”.
                    first != "made",
                    NearestWord.of(String(first), among: CommandPath([]).subcommandNames) != nil
                else { continue }
                let words = try ShellWords(Self.withoutShell(text)).words
                    .prefix { $0 != ">" && $0 != "&&" }
                count += 1
                #expect(CommandPath.accepts(Array(words)), "\(name), line \(line): kecsctl \(text)")
                #expect(
                    !text.contains("…")
                        && !words.contains {
                            $0.contains("INSTANCE") && name != "Recipes.swift"
                                && name != "ProductionChecks.swift"
                        },
                    "\(name), line \(line): kecsctl \(text)")
            }
        }
        // The pattern finds them.
        #expect(count > 150)
    }

    @Test func `a home that was named is in the remedy, and behind sudo always`() {
        let line = "kecsctl backups prune dev --keep 3"
        #expect(Remedy.line(line) == line)
        Remedy.$invocation.withValue(.init(home: "/srv/my kecs", isNamed: true)) {
            #expect(Remedy.line(line) == "kecsctl --home '/srv/my kecs' backups prune dev --keep 3")
            #expect(Remedy.line("docker info") == "docker info")
            #expect(Remedy.line("kecsctl backup --help") == "kecsctl backup --help")
            #expect(Remedy.line("kecsctl list --home /x") == "kecsctl list --home /x")
            #expect(
                Remedy.line("umount /x && kecsctl start dev")
                    == "umount /x && kecsctl --home '/srv/my kecs' start dev")
        }
        Remedy.$invocation.withValue(.init(home: "/root/.kecs", isNamed: false)) {
            #expect(Remedy.line(line) == line)
            #expect(Remedy.line("sudo kecsctl status dev") == "sudo kecsctl --home /root/.kecs status dev")
        }
    }

    @Test func `a remedy of a command with a home has it, on standard error and in JSON`() async throws {
        let folder = try TestFolder()
        let other = folder.path.appending("other home")
        #expect(
            try await folder.kecsctl("--home", other.string, "start", "two", "--runtime", "local").status == 0
        )
        let caught = try await folder.kecsctl("--home", other.string, "status", "dev", "-o", "json")
        #expect(caught.status == 10)
        #expect(caught.errors.contains("  try:     kecsctl --home '\(other)' list\n"), "\(caught.errors)")
        #expect(caught.output.contains("kecsctl --home '\(other)' list"))
    }

    @Test func `a name that was mistyped is not offered to be made an instance of`() async throws {
        let folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "production", "--runtime", "local").status == 0)
        let caught = try await folder.kecsctl("stop", "prodction")
        #expect(caught.status == 10 && !caught.errors.contains("start prodction"))
        #expect(caught.errors.contains("the nearest is “production”"))
    }

    @Test func `a question's remedy is the command line as it was, with the answer`() async throws {
        let folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let caught = try await folder.kecsctl("destroy", "dev", "--delete-backups", "--force")
        #expect(caught.status == 64)
        #expect(caught.errors.contains("try:     kecsctl destroy dev --delete-backups --force --yes\n"))
    }

    @Test func `a broken mark costs no backup: it stays, and its remedy mends the mark`() async throws {
        let folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
        let id = try await folder.kecsctl("backup", "dev", "-o", "name").output.split(separator: "\n")[0]
        let mark = folder.path.appending("home/backups/dev/\(id)/mark.json")
        try mark.replaceContents(Array("{".utf8))
        let doctor = try await folder.kecsctl("doctor", "dev", "--check", "backup.damaged")
        #expect(doctor.output.contains("try: kecsctl backups verify dev/\(id)"), "\(doctor.output)")
        #expect(!doctor.output.contains("delete"))
        #expect(try await folder.kecsctl("restore", "dev", "--from", "latest").status == 0)
        #expect(try await folder.kecsctl("backups", "verify", "dev/\(id)").status == 0)
        let after = try await folder.kecsctl("doctor", "dev", "--check", "backup.damaged")
        #expect(!after.output.contains("mark"), "\(after.output)")
    }
}
