// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// Every call of kecsctl in README, docs, help and man pages is one that the program accepts. Those of `docs/guides` and the
/// README's examples are run besides.
@Suite struct DocumentedCommandTests {
    private static func markdown(below folder: FilePath) throws -> [FilePath] {
        try folder.entries().sorted { $0.string < $1.string }.flatMap { name -> [FilePath] in
            let path = folder.appending(name)
            if try path.isFolder { return try markdown(below: path) }
            return name.string.hasSuffix(".md") ? [path] : []
        }
    }

    @Test func `every command line in README and docs is accepted`() throws {
        let files =
            try ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map { sourceRoot.appending($0) }
            + Self.markdown(below: sourceRoot.appending("docs"))
        var count = 0
        for file in files {
            let text = String(decoding: try file.contents(), as: UTF8.self)
            for line in DocumentedCommands.inMarkdown(text) {
                count += 1
                Self.expect(line, in: file.lastComponent?.string ?? "")
            }
        }
        // They are found.
        #expect(count > 150, "\(count)")
    }

    @Test func `every command line in help and man pages is accepted`() throws {
        var count = 0
        for page in try ManPages.all() {
            for line in DocumentedCommands.inManPage(page.text) {
                count += 1
                Self.expect(line, in: page.file)
            }
        }
        for (path, _) in HelpTests.commands {
            for line in DocumentedCommands.inText(HelpPage.text(CommandPath(path), width: 200)) {
                count += 1
                Self.expect(line, in: "help \(path)")
            }
        }
        #expect(count > 250, "\(count)")
    }

    private static func expect(_ line: String, in place: String) {
        guard let words = ExampleWords.of(line) else {
            Issue.record("\(place): \(line)")
            return
        }
        #expect(CommandPath.accepts(words), "\(place): \(line)")
    }

    @Test func `calls are found in blocks, in crontabs, in prose, behind a prompt and over two lines`() {
        let text = """
            Run `kecsctl list -o
            json`, or `kecsctl` alone. Not kecsctl list, nor `kecsctl.json`.

            ```console
            $ kecsctl start dev --runtime local \\
            >   --api-port 8080; echo "$?"
            kecsctl: error: not a call
            dev: try kecsctl backup
            ```

            ```text
            kecsctl ──► Kecs
            ```

            ```cron
            15 2 * * *  kecsctl backup --all --quiet   # every night
            ```
            """
        #expect(
            DocumentedCommands.inMarkdown(text) == [
                "kecsctl list -o json", "kecsctl start dev --runtime local    --api-port 8080",
                "kecsctl backup --all --quiet",
            ])
    }
}

/// Finds calls of kecsctl in documents.
enum DocumentedCommands {
    /// In fenced blocks, what is behind a prompt where there are prompts; elsewhere what stands in backticks.
    static func inMarkdown(_ text: String) -> [String] {
        var found: [String] = []
        var prose = ""
        var block: (isConsole: Bool, isDrawing: Bool, lines: [String])?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                if let open = block {
                    if !open.isDrawing { found += calls(inBlock: open.lines, isConsole: open.isConsole) }
                    block = nil
                } else {
                    found += calls(inProse: prose)
                    prose = ""
                    block = (line.hasSuffix("console"), line.hasSuffix("text"), [])
                }
            } else if block != nil {
                block?.lines.append(line)
            } else {
                prose += line + "\n"
            }
        }
        return found + calls(inProse: prose)
    }

    static func inText(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("  kecsctl ") }.map { line in
            // What the example is for stands behind it.
            call(String(line.dropFirst(2)).components(by: "  ")[0])
        }
    }

    static func inManPage(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("kecsctl ") }.map { line in
            call(line.split(separator: "\\-", omittingEmptySubsequences: false).joined(separator: "-"))
        }
    }

    private static func calls(inBlock lines: [String], isConsole: Bool) -> [String] {
        var commands: [String] = []
        var isContinued = false
        for line in lines {
            var text = line
            if isConsole {
                guard line.hasPrefix("$ ") || (isContinued && line.hasPrefix("> ")) else { continue }
                text = String(line.dropFirst(2))
            }
            let isEnd = text.hasSuffix("\\")
            if isEnd { text = String(text.dropLast()) }
            if isContinued, let last = commands.popLast() { text = last + " " + text }
            commands.append(text)
            isContinued = isEnd
        }
        return commands.flatMap(calls(inLine:))
    }

    private static func calls(inProse text: String) -> [String] {
        let spans = text.split(separator: "`", omittingEmptySubsequences: false)
        return spans.indices.filter { !$0.isMultiple(of: 2) }.map { String(spans[$0]) }
            .filter { $0.hasPrefix("kecsctl ") || $0.hasPrefix("kecsctl\n") }
            .map { call($0.split(separator: "\n").joined(separator: " ")) }
    }

    /// Each call in a line of shell: at its beginning, or behind a pipe, a list's sign, a path or the times of a crontab.
    private static func calls(inLine line: String) -> [String] {
        var found: [String] = []
        var rest = line[...]
        while let range = rest.firstRange(of: "kecsctl ") {
            let before = rest[..<range.lowerBound].drop { $0 == " " }
            let last = before.last { $0 != " " }
            if before.allSatisfy({ " 0123456789*/,-".contains($0) })
                || last.map({ "|;&(/=".contains($0) }) == true
            {
                found.append(call(String(rest[range.lowerBound...])))
            }
            rest = rest[range.upperBound...]
        }
        return found
    }

    /// Up to a comment, or what only a shell understands.
    private static func call(_ text: String) -> String {
        var text = text[...]
        for sign in ["  #", " #", ";", " | ", " > ", " >", " && ", " || ", ")"] {
            if let range = text.firstRange(of: sign) { text = text[..<range.lowerBound] }
        }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

extension String {
    fileprivate func components(by separator: String) -> [String] {
        guard let range = firstRange(of: separator) else { return [self] }
        return [String(self[..<range.lowerBound])]
            + String(self[range.upperBound...]).components(by: separator)
    }
}
