// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Documents of every command that answers, compared with `docs/schema`.
@Suite struct SchemaTests {
    @Test func `what each command prints as JSON is of its kind's schema`() async throws {
        try await withTemporaryFolder { root in
            try VerbCase.prepare(root)
            let kecsctl = Kecsctl(home: root.appending("home"))
            var files: [FilePath] = []
            let folder = root.appending("documents")
            try folder.createFolder()
            for words in [
                "start dev --runtime local", "list", "status dev", "inspect dev", "volumes dev",
                "du dev --history", "backup dev", "backups list",
                "backups show latest",
                "backups verify --all", "backups verify latest --quick", "backups drill dev",
                "backups drill dev --dry-run",
                "backups list", "remote add usb ROOT", "remote list",
                "backups copy --to usb", "backups list --remote usb", "backups verify --all --remote usb",
                "backups prune dev --remote usb --keep 3", "backup dev --copy-to usb",
                "check dev --remote usb",
                "restore dev --from usb/latest --dry-run", "backups diff latest",
                "backups list --folder STORE", "backups show velero:latest --folder STORE",
                "backups verify --all --folder STORE", "backups ls velero:latest --folder STORE",
                "backups diff velero:stop-dev-20261116093000 velero:latest --folder STORE",
                "backups gc --velero dev --dry-run", "backups pin latest",
                "backups unpin latest", "backups prune dev --dry-run",
                "backups export latest --file ROOT/b.tar",
                "backups import ROOT/b.tar --as copy", "restore dev --from latest --dry-run",
                "restore dev --from latest",
                "undo dev --dry-run", "undo dev --list", "undo dev", "check dev", "check nope", "config show",
                "config show dev",
                "config set keep 9", "config check", "doctor dev", "doctor --list-checks",
                "doctor dev --fix --dry-run",
                "db check dev", "db maintain dev", "db rescue dev --dry-run",
                "db load ROOT/dump.sql --into ROOT/new.sqlite",
                "migrate status dev", "migrate schema dev --dry-run",
                "migrate import ROOT/app.sqlite dev --dry-run",
                "migrate export dev ROOT/out.tar.gz --dry-run", "recover dev --dry-run",
                "state import dev ROOT/state.json --dry-run", "schedule show dev",
                "test persistence dev --dry-run", "test mount dev", "config profile dev --instance dev",
                "restart dev", "stop dev", "status nope", "doctor nope", "backups list nope", "destroy dev",
                "destroy dev --dry-run", "destroy dev --yes", "nothing", "list --nothing",
            ] {
                try root.appending("dump.sql").replaceContents(Array("CREATE TABLE t(x);".utf8))
                let line = words.split(separator: " ").map {
                    String($0).replacing("ROOT", with: root.string).replacing(
                        "STORE", with: Schemas.root.appending("Tests/Fixtures/velero/minio-data").string)
                }
                let answer = try await kecsctl.run(line + ["-o", "json"])
                let file = folder.appending("\(files.count)-\(line.prefix(2).joined(separator: "-")).json")
                try file.replaceContents(Array(answer.output.utf8))
                files.append(file)
                #expect(!answer.output.isEmpty, "\(words) has no document: \(answer.errors)")
            }
            let answer = try await kecsctl.run(
                ["db", "query", "--database", root.appending("app.sqlite").string, "SELECT 1", "-o", "json"])
            let file = folder.appending("query.json")
            try file.replaceContents(Array(answer.output.utf8))
            files.append(file)
            try await Schemas.expect(files)
        }
    }

    @Test func `every kind has its schema`() throws {
        let names = Set(
            try Schemas.root.appending("docs/schema").entries().map { String($0.string.dropLast(5)) })
        var kinds: Set<String> = []
        func look(_ folder: FilePath) throws {
            for name in try folder.entries() {
                let path = folder.appending(name)
                if try path.isFolder {
                    try look(path)
                    continue
                }
                guard name.string.hasSuffix(".swift") else { continue }
                let text = String(decoding: try path.contents(), as: UTF8.self)
                for start in ["static let kind = \"", "kind: \"", "let kind = \""] {
                    for rest in text.split(separator: start).dropFirst() {
                        let kind = String(rest.prefix { $0 != "\"" })
                        if kind.hasSuffix("Report") || kind.hasSuffix("List") || kind.hasSuffix("Status")
                            || kind == "Error"
                        {
                            kinds.insert(kind)
                        }
                    }
                }
            }
        }
        for module in ["Kecs", "KecsDoctor", "kecsctl"] {
            try look(Schemas.root.appending("Sources/\(module)"))
        }
        #expect(kinds.subtracting(names).isEmpty, "\(kinds.subtracting(names).sorted())")
        #expect(kinds.count > 25)
    }
}
