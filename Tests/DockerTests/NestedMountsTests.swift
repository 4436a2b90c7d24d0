// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// A project's folder is mounted, and one below it, too.
    @Suite struct NestedMountsTests {
        private static let file = """
            version: '3.8'
            services:
              app:
                image: guide-app:1
                command: ["sleep", "10000"]
                stop_signal: SIGKILL
                volumes: ["./data:/app/dev_assets", ".:/src"]
                healthcheck: {disable: true}

            """

        @Test func `what was restored is taken back, and comes again, in both folders`() async throws {
            let version = ComposeVersion.here.first ?? .one
            try await ComposeScene.with(version, Self.file) { here in
                try await Engine.buildApp("guide-app:1")
                let data = here.folder.appending("data")
                try data.createFolder()
                func write(_ text: String) throws {
                    try data.appending("inner").replaceContents(Array(text.utf8))
                    try here.write("outer", text)
                }
                func texts() throws -> [String] {
                    try [data.appending("inner"), here.folder.appending("outer")].map {
                        String(decoding: try $0.contents(), as: UTF8.self)
                    }
                }
                try write("saved")
                try await here.compose("up", "--detach")
                try await here.docker.must(
                    [
                        "start", "n", "--runtime", "compose", "--service", "app", "--compose-file",
                        here.file.string,
                    ])
                try await here.docker.must(["backup", "n"])
                try write("later")
                for _ in 1...2 {
                    try await here.docker.must(["restore", "n", "--from", "latest"])
                    #expect(try texts() == ["saved", "saved"])
                    try await here.docker.must(["undo", "n"])
                    #expect(try texts() == ["later", "later"])
                }
                try await here.docker.must(["undo", "n", "--redo"])
                #expect(try texts() == ["saved", "saved"])
                try await here.docker.must(["undo", "n"])
                #expect(try texts() == ["later", "later"])
            }
        }
    }
}
