// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A tar of somebody else's: refused where it would leave the instance without its database, and by a dry run as by a run.
@Suite struct ForeignArchiveTests {
    enum Content: String, CaseIterable {
        case text, link, folder, garbageLast, empty, none, device, fifo, twoKinds, belowLink
    }

    /// Python's tarfile writes what no tar program would.
    private func makeArchive(_ content: Content, of database: FilePath, at file: FilePath) async throws {
        let script = """
            import sys, tarfile, io
            content, database, path = sys.argv[1:]
            whole = open(database, "rb").read()
            with tarfile.open(path, "w") as tar:
                def add(name, data=None, kind=None, link=""):
                    info = tarfile.TarInfo(name)
                    info.mode = 0o600
                    if kind: info.type = kind
                    info.linkname = link
                    info.size = len(data or b"")
                    tar.addfile(info, io.BytesIO(data or b""))
                add("other.txt", b"another file")
                if content not in ("text", "link", "folder", "empty", "none"): add("kecs.db", whole)
                if content == "text": add("kecs.db", b"a text")
                if content == "empty": add("kecs.db", b"")
                if content == "link": add("kecs.db", kind=tarfile.SYMTYPE, link="/etc/hostname")
                if content == "folder": add("kecs.db", kind=tarfile.DIRTYPE)
                if content == "garbageLast": add("kecs.db", b"garbage" * 1000)
                if content == "device": add("device", kind=tarfile.CHRTYPE)
                if content == "fifo": add("fifo", kind=tarfile.FIFOTYPE)
                if content == "twoKinds":
                    add("both", b"a file")
                    add("both", kind=tarfile.DIRTYPE)
                if content == "belowLink":
                    add("link", kind=tarfile.SYMTYPE, link="/tmp")
                    add("link/file", b"below")
            """
        let made = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
        ).run(ProcessCall("python3", ["-c", script, content.rawValue, database.string, file.string]))
        #expect(made.end == .exited(0), "\(made.errorText)")
    }

    @Test(arguments: Content.allCases) func `is refused, by a dry run too`(content: Content) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let database = root.appending("home/instances/dev/data/kecs.db")
            let archive = root.appending("x.tar")
            try await makeArchive(content, of: database, at: archive)
            let before = try database.contents()
            let expected: Int32 =
                switch content {
                case .text, .link, .folder, .garbageLast, .empty, .none: 64
                case .device, .fifo, .twoKinds, .belowLink: 13
                }
            for command in [
                ["restore", "dev", "--from", archive.string, "--yes"],
                ["migrate", "import", archive.string, "dev", "--yes"],
            ] {
                for dry in [["-n"], []] {
                    let answer = try await kecsctl.run(command + dry)
                    #expect(answer.status == expected, "\(command + dry) \(answer.output)\(answer.errors)")
                }
            }
            #expect(try database.contents() == before)
            #expect(try root.appending("home/instances/dev/.restoring").entriesIfPresent().isEmpty)
        }
    }

    @Test func `with the database is restored, after a dry run that says so`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            let archive = root.appending("x.tar")
            let packed = try await SystemProcesses(
                environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
            ).run(ProcessCall("tar", ["-C", data.string, "-cf", archive.string, "."]))
            #expect(packed.end == .exited(0))
            for dry in [["-n"], []] {
                let answer = try await kecsctl.run(
                    ["restore", "dev", "--from", archive.string, "--yes"] + dry)
                #expect(answer.status == 0, "\(dry) \(answer.errors)")
            }
        }
    }
}

extension FilePath {
    fileprivate func entriesIfPresent() throws -> [FilePath.Component] { try isPresent ? entries() : [] }
}
