// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import kecsctl

/// One generated test over all verbs: a dry run leaves every byte as it was and ends as the run would; both answer with a
/// document of a known shape; and every remedy is a command line.
@Suite struct DryRunTests {
    @Test(arguments: VerbCase.all)
    func `a dry run changes nothing and ends as the run`(verb: VerbCase) async throws {
        try await withTemporaryFolder { root in
            try VerbCase.prepare(root)
            let kecsctl = Kecsctl(home: root.appending("home"))
            for words in verb.before {
                let answer = try await kecsctl.run(words.map { $0.replacing("ROOT", with: root.string) })
                #expect(answer.status == 0, "\(words): \(answer.errors)")
            }
            let words = verb.words(root)
            // A lock is taken, and the folder that it lies in was made by whoever had it first.
            let before = try treeDigest(root, leavingOut: ["lock"])
            let plan = try await kecsctl.run(words + ["--dry-run", "-o", "json"])
            #expect(try treeDigest(root, leavingOut: ["lock"]) == before, "the dry run wrote")
            let run = try await kecsctl.run(words + ["-o", "json"])
            #expect(plan.status == run.status, "dry: \(plan.errors)\nrun: \(run.errors)")
            for answer in [plan, run] {
                let document = try JSONValue(parsing: answer.output)
                #expect(document["apiVersion"] == "kecsctl/v1" && document["kind"]?.string != nil)
                try expectRemedies(in: document)
            }
            try await expectValid([plan, run], in: root)
        }
    }

    private func expectRemedies(in value: JSONValue) throws {
        switch value {
        case .object(let members):
            if let remedy = members["remedy"]?.string {
                #expect(!remedy.contains("…"))
                for command in remedy.split(separator: "&&") {
                    // Lines for a shell are other programs'.
                    guard let words = try? ShellWords(String(command)).words else {
                        #expect(!command.contains("kecsctl "), "\(remedy)")
                        continue
                    }
                    guard let place = words.firstIndex(of: "kecsctl"), place <= 1 else { continue }
                    #expect(CommandPath.accepts(Array(words[(place + 1)...])), "\(remedy)")
                }
            }
            for member in members.values { try expectRemedies(in: member) }
        case .array(let items): for item in items { try expectRemedies(in: item) }
        default: break
        }
    }

    private func expectValid(_ answers: [Kecsctl.Answer], in root: FilePath) async throws {
        var files: [FilePath] = []
        for (index, answer) in answers.enumerated() {
            let file = root.appending("document-\(index).json")
            try file.replaceContents(Array(answer.output.utf8))
            files.append(file)
        }
        try await Schemas.expect(files)
    }

    @Test
    func `the databases of a folder that cannot be written are looked at, and nothing is left beside them`()
        async throws
    {
        try await withTemporaryFolder { root in
            try VerbCase.prepare(root)
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let data = root.appending("home/instances/dev/data")
            let before = try data.entries().map(\.string)
            for words in [
                ["restore", "dev", "--from", "latest", "-n"], ["backups", "diff", "latest"],
                ["recover", "dev", "-n"],
                ["db", "maintain", "dev", "-n"], ["db", "query", "dev", "SELECT 1"], ["db", "check", "dev"],
                ["state", "export", "dev"], ["migrate", "status", "dev"], ["doctor", "dev"],
            ] {
                _ = try await kecsctl.run(words)
                #expect(try data.entries().map(\.string) == before, "\(words)")
            }
        }
    }
}

/// `docs/schema`, and somebody else's program that compares documents with it.
enum Schemas {
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    static func expect(_ files: [FilePath]) async throws {
        var call = ProcessCall(
            root.appending("scripts/python").string,
            [root.appending("Tests/Tools/validate-documents").string, root.appending("docs/schema").string]
                + files.map(\.string))
        call.limit = .seconds(300)
        let environment = ["HOME": "/root", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        let result = try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(
            call)
        if result.end == .exited(77) { try Test.cancel("\(result.errorText)") }
        #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
    }
}
