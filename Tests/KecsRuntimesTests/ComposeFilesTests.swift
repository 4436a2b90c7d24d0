// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes

/// Which files and profiles compose is given.
@Suite struct ComposeFilesTests {
    private func project(_ names: String..., body: (FilePath) throws -> Void) throws {
        try withTemporaryFolder { root in
            let folder = root.appending("deep/project")
            try folder.createFolder()
            for name in names { try folder.appending(name).replaceContents(Array("services: {}".utf8)) }
            try body(folder)
        }
    }

    private func found(_ folder: FilePath, _ environment: [String: String] = [:]) throws -> [String]? {
        try ComposeFiles(in: folder, environment: environment)?.files.compactMap { $0.lastComponent?.string }
    }

    @Test func `the usual names are found, the newer ones first, with their override file`() throws {
        try project("docker-compose.yml", "docker-compose.override.yml") { folder in
            #expect(try found(folder) == ["docker-compose.yml", "docker-compose.override.yml"])
            try folder.appending("compose.yaml").replaceContents(Array("services: {}".utf8))
            #expect(try found(folder) == ["compose.yaml", "docker-compose.override.yml"])
            #expect(try found(folder.appending("below/deeper"))?.first == "compose.yaml")
        }
    }

    @Test func `COMPOSE_FILE decides, from the environment or from .env, with its separator`() throws {
        try project("docker-compose.yml", "a.yml", "b.yml") { folder in
            let given = try #require(
                try ComposeFiles(in: folder, environment: ["COMPOSE_FILE": "a.yml:/else/b.yml"]))
            #expect(given.files == [folder.appending("a.yml"), "/else/b.yml"])
            #expect(given.folder == folder)
            #expect(
                try found(folder, ["COMPOSE_FILE": "a.yml;b.yml", "COMPOSE_PATH_SEPARATOR": ";"])
                    == ["a.yml", "b.yml"])
            try folder.appending(".env").replaceContents(
                Array("# files\nexport COMPOSE_FILE=\"b.yml\"\nCOMPOSE_PROFILES=one, two\n".utf8))
            let dotenv = try #require(try ComposeFiles(in: folder, environment: [:]))
            #expect(dotenv.files == [folder.appending("b.yml")])
            #expect(dotenv.profiles == ["one", "two"])
            #expect(
                try ComposeFiles(in: folder, environment: ["COMPOSE_PROFILES": "three"])?.profiles
                    == ["three"])
        }
    }

    @Test func `no file anywhere is nil`() throws {
        try withTemporaryFolder { root in
            let found = try ComposeFiles(in: root, environment: [:])
            #expect(found == nil)
        }
    }

    @Test(arguments: [
        (["/srv/a.yml"], "/srv/a.yml"), (["/srv/a.yml", "/srv/b.yml"], "/srv/a.yml:/srv/b.yml"),
        (["/srv/a:b,c.yml", "/c.yml"], "/srv/a:b,c.yml:/c.yml"),
    ])
    func `files as the setting holds them`(files: [String], text: String) {
        #expect(ComposeFiles.list(text) == files.map { FilePath($0) })
        #expect(ComposeFiles.text(files.map { FilePath($0) }) == text)
        // As a variable is recorded.
        #expect(ComposeFiles.list(files.joined(separator: ",")) == files.map { FilePath($0) })
    }
}

/// Who waits for whom, and for what.
@Suite struct ComposeOrderTests {
    @Test func `conditions are read from v1's and v2's config`() throws {
        let v1 = """
            services:
              app: {image: x, depends_on: {init: {condition: service_completed_successfully}, db: {condition: service_healthy}}}
              db: {image: x, profiles: [extra]}
              init: {image: x}
            """
        let project = ComposeProject(try ComposeYAML.parse(Array(v1.utf8)), named: "p")
        let order = ComposeOrder(project)
        #expect(
            order.dependencies(of: "app") == [
                .init(service: "db", condition: .healthy), .init(service: "init", condition: .completed),
            ])
        #expect(order.layers(["app", "db", "init"]) == [["db", "init"], ["app"]])
        #expect(project.active([]).map(\.name) == ["app", "init"])
        #expect(project.active(["extra"]).map(\.name) == ["app", "db", "init"])
    }
}
