// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// `migrate export` to a docker volume and `migrate import` from it.
    @Suite struct MigrateVolumeTests {
        /// What find, GNU stat and sha256sum say of a tree: kinds, modes, owners, times, links and bytes; of the database
        /// what sqlite3 dumps, as it is captured rather than copied. Folders' times and sidecars are left out: whoever
        /// looks into a database changes them.
        private func listing(_ folder: FilePath) async throws -> String {
            let script = """
                cd "$1"
                find . -mindepth 1 ! -name '*-wal' ! -name '*-shm' | LC_ALL=C sort | while IFS= read -r f; do
                  if [ -h "$f" ]; then stat -c '%n %F %u:%g %N' "$f"
                  elif [ -d "$f" ]; then stat -c '%n %F %a %u:%g' "$f"
                  elif [ "${f##*/}" = kecs.db ]; then
                    stat -c '%n %F %a %u:%g' "$f"; sqlite3 "$f" .dump | sha256sum
                  else stat -c '%n %F %a %u:%g %s %y' "$f"; sha256sum <"$f"; fi
                done
                """
            return try await Engine.run(ProcessCall("sh", ["-c", script, "sh", folder.string]))
        }

        private func volume(_ name: String) throws -> FilePath {
            try #require(Engine.folder).appending("data/volumes/\(name)/_data")
        }

        /// A state with owners, modes, links and a database, as the container mode leaves it.
        private func fill(_ data: FilePath) async throws {
            try SQLiteDatabase(data.appending("kecs.db"), .readWrite).execute(
                "INSERT INTO clusters (id, arn, name, status, created_at, updated_at) VALUES ('1', 'a', 'größe', 'ACTIVE', '2025-09-20T09:00:00.123456Z', '2025-09-20T09:00:00.123456Z')"
            )
            let script = """
                cd "$1" && mkdir -p plugins/deep && echo one >plugins/one && chmod 640 plugins/one
                printf '#!/bin/sh\\n' >plugins/deep/run && chmod 755 plugins/deep/run && ln -s ../one plugins/deep/link
                ln plugins/one plugins/hard && : >"plugins/odd name ü" && truncate -s 1M plugins/sparse
                chown -hR 65532:65532 . && chown 1000:1001 plugins/deep/run && chmod 750 plugins
                """
            try await Engine.run(ProcessCall("sh", ["-c", script, "sh", data.string]))
        }

        @Test func `a volume gets the same tree, and gives the same back, with its owners`() async throws {
            try await DockerScene.with { scene in
                try await scene.must(["start", "dev", "--runtime", "local"])
                try await fill(scene.data)
                let before = try await listing(scene.data)
                let report = try await scene.must(
                    ["migrate", "export", "dev", "volume:kecs_copy", "-o", "json"]
                ).first()
                #expect(try await listing(scene.data) == before)
                let copy = try volume("kecs_copy")
                #expect(try await listing(copy) == before)
                #expect(try #require(try FileStatus.of(copy.appending("kecs.db"))).owner == 65532)
                let again = try await scene.kecsctl("migrate", "export", "dev", "volume:kecs_copy")
                #expect(again.status == 64, "\(again.errors)")
                #expect(again.errors.contains("is not empty"), "\(again.errors)")

                // Into an instance that is made for it, then over one that has something else.
                let made = try await scene.must(
                    ["migrate", "import", "volume:kecs_copy", "other", "-o", "json"]
                ).first()
                let other = scene.root.appending("home/instances/other/data")
                #expect(try await listing(other) == before)
                #expect(try await listing(copy) == before)
                #expect(made["digest"]?.string == report["digest"]?.string || made["digest"] != nil)
                try SQLiteDatabase(scene.data.appending("kecs.db"), .readWrite).execute(
                    "DELETE FROM clusters")
                try scene.data.appending("extra").replaceContents([1])
                try await scene.must(["migrate", "import", "volume:kecs_copy", "dev"])
                #expect(try await listing(scene.data) == before)
                // It is taken back like a restore.
                try await scene.must(["undo", "dev"])
                #expect(try scene.data.appending("extra").isPresent)
                let mapped = try await scene.kecsctl(
                    "migrate", "import", "volume:kecs_copy", "dev", "--map-owner", "65532:4000")
                #expect(mapped.status == 0, "\(mapped.errors)")
                #expect(try #require(try FileStatus.of(scene.data.appending("kecs.db"))).owner == 4000)
                #expect(
                    try #require(try FileStatus.of(scene.data.appending("plugins/deep/run"))).owner == 1000)
                #expect(try await scene.kecsctl("migrate", "import", "volume:nope", "new").status == 10)
                #expect(try !scene.root.appending("home/instances/new").isPresent)
            }
        }

        @Test func `a volume that is written to meanwhile is noticed`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:busy", variables: "WRITE_EVERY_MS=5 OPAQUE_MIB=2")
                try await Engine.docker("volume", "create", "busy_data")
                try await Engine.docker(
                    "run", "-d", "--name", "busy", "--user", "0:0", "-v", "busy_data:/data", "kecs-test:busy")
                let place = try volume("busy_data")
                #expect(
                    try await SystemClock().wait(upTo: .seconds(20)) {
                        try place.appending("vectors.db.wal").isPresent
                    })
                try await Engine.docker("exec", "busy", "busybox", "rm", "-f", "/data/vectors.db")
                try await scene.must(["start", "dev", "--runtime", "local"])
                let before = try await listing(scene.data)
                let answer = try await scene.kecsctl("migrate", "import", "volume:busy_data", "dev")
                #expect(answer.status == 11, "\(answer.errors)")
                #expect(answer.errors.contains("was changed while it was read"), "\(answer.errors)")
                #expect(try await listing(scene.data) == before)
                // Nobody writes any more: it is taken.
                try await Engine.docker("stop", "busy")
                try await scene.must(["migrate", "import", "volume:busy_data", "dev"])
                #expect(try scene.rows("ticks") > 0)
            }
        }

        /// Who is in the group of the socket only cannot look into `/var/lib/docker`.
        @Test func `without root the tree goes through the engine, and is compared all the same`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let socket = try #require(
                    try FileStatus.of(FilePath(String(Engine.host.dropFirst("unix://".count)))))
                let folder = try #require(Engine.folder)
                try folder.setMode(0o711)
                try folder.appending("data").setMode(0o700)
                try scene.root.setMode(0o777)
                func asUser(_ arguments: String...) async throws -> Kecsctl.Answer {
                    var call = ProcessCall(
                        "setpriv",
                        [
                            "--reuid", "4000", "--regid", "4000", "--groups", "\(socket.group)",
                            Kecsctl.program.string,
                        ] + arguments)
                    call.environment = scene.kecsctl.variables.mapValues { $0 }
                    call.environment["HOME"] = scene.root.string
                    call.limit = .seconds(120)
                    let result = try await SystemProcesses(environment: [:], cancellation: Cancellation())
                        .run(call)
                    guard case .exited(let code) = result.end else {
                        throw FileError("run", "kecsctl", .timedOut)
                    }
                    return Kecsctl.Answer(status: code, output: result.outputText, errors: result.errorText)
                }
                #expect(try await asUser("start", "dev", "--runtime", "local").status == 0)
                try scene.data.appending("notes").replaceContents(Array("kept".utf8), mode: 0o640)
                try scene.data.appending("notes").setOwner((4000, 4000))
                // The engine's own tar has whole seconds.
                try await Engine.run(
                    ProcessCall("touch", ["-d", "2025-09-20 09:00:00", scene.data.appending("notes").string]))
                let export = try await asUser("migrate", "export", "dev", "volume:kecs_copy", "-o", "json")
                #expect(export.status == 0, "\(export.errors)")
                #expect(try export.first()["digest"]?.string?.count == 64)
                let before = try await listing(scene.data)
                #expect(try await listing(try volume("kecs_copy")) == before)
                #expect(try await asUser("migrate", "export", "dev", "volume:kecs_copy").status == 64)
                try scene.data.appending("notes").remove()
                let back = try await asUser("migrate", "import", "volume:kecs_copy", "dev")
                #expect(back.status == 0, "\(back.errors)")
                #expect(try await listing(scene.data) == before)
            }
        }
    }
}
