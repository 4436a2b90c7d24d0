// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `migrate import` of what the guides' own commands make, under the names that the guides give it.
@Suite struct ImportGuidesTests {
    /// A folder `kecs-data` as the container mode leaves it, in an otherwise empty one.
    private func source(_ root: FilePath, _ kecsctl: Kecsctl) async throws {
        #expect(try await kecsctl("start", "source", "--runtime", "local").status == 0)
        let made = root.appending("home/instances/source/data/kecs.db")
        try await shell(
            root,
            """
            sqlite3 \(made) "INSERT INTO clusters (id, arn, name, status, tags, created_at, updated_at) VALUES ('1', 'arn:1', 'größe', 'ACTIVE', '', '2025-09-20T09:00:00.123456Z', '2025-09-20T09:00:00.123456Z')"
            mkdir -p kecs-data/plugins logs
            sqlite3 \(made) "VACUUM INTO 'kecs-data/kecs.db'"
            echo kept >kecs-data/plugins/notes; chmod 640 kecs-data/plugins/notes; ln -s notes kecs-data/plugins/link
            printf '#!/bin/sh\\n' >kecs-data/plugins/run; chmod 755 kecs-data/plugins/run; echo log >logs/a.log
            # The tars of the guides have whole seconds.
            find kecs-data -exec touch -h -d '2025-09-20 09:00:00' {} +
            """)
    }

    @discardableResult
    private func shell(_ root: FilePath, _ script: String) async throws -> String {
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], cancellation: Cancellation()
        ).run(ProcessCall("sh", ["-ec", "cd '\(root)'\n" + script]))
        try #require(result.succeeded, "\(script): \(result.errorText)")
        return result.outputText
    }

    /// The guides' commands, and whether all of the folder is in what they make or only the database.
    private static let recipes: [(name: String, command: String, isTree: Bool)] = [
        ("kecs-backup-20240124-120000.tar.gz", "tar -czf $it kecs-data/", true),
        ("kecs-export.tar.gz", "busybox tar czf $it -C kecs-data .", true),
        (
            "20231215-020000",
            "mkdir $it; for v in data logs; do f=$v; [ $v = data ] && f=kecs-data; busybox tar czf $it/kecs_$v.tar.gz -C $f .; done",
            true
        ),
        ("20231215", "mkdir $it; tar czf $it/mimir_data.tar.gz -C kecs-data .", true),
        ("kecs-data-copy", "cp -a kecs-data $it", true),
        ("plain.tar", "tar -cf $it kecs-data", true),
        ("kecs-20251119.db", "cp kecs-data/kecs.db $it", false),
        ("backup_20251119.sqlite", "sqlite3 kecs-data/kecs.db \".backup $it\"", false),
        ("backup_20251119_020000.sqlite", "cp kecs-data/kecs.db $it", false),
        ("db_backup_20251119_120000.sqlite", "cp kecs-data/kecs.db $it", false),
        ("db_backup_latest.sqlite", "ln -s kecs-data/kecs.db $it", false),
        ("db.backup.1763689530.sqlite", "sqlite3 kecs-data/kecs.db \"VACUUM INTO '$it'\"", false),
        ("backup.sql", "sqlite3 kecs-data/kecs.db .dump >$it", false),
        ("full_backup_20251119.sql", "sqlite3 kecs-data/kecs.db .dump >$it", false),
        ("mimir_data.tar.zst", "tar -C kecs-data -cf - . | zstd -q >$it", true),
        ("kecs-backup.tar.xz", "tar -cJf $it kecs-data/", true),
        ("kecs-data.cpio", "find kecs-data | cpio --quiet -o -H newc >$it", true),
        ("kecs-data.zip", "bsdtar -cf $it --format zip kecs-data", true),
        ("kecs-data.7z", "bsdtar -cf $it --format 7zip kecs-data", true),
        // The name says nothing.
        ("archive.sqlite", "tar -czf $it kecs-data/", true),
        ("database.tar.gz", "cp kecs-data/kecs.db $it", false),
    ]

    @Test func `what every recipe made comes in whole, and is not touched`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try await source(root, kecsctl)
            let data = root.appending("home/instances/dev/data")
            let rows = try await shell(root, "sqlite3 kecs-data/kecs.db .dump")
            let tree = try treeDigest(root.appending("kecs-data"), leavingOut: ["kecs.db"])
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            for recipe in Self.recipes {
                try await shell(root, "it='\(recipe.name)'\n\(recipe.command)")
                let made = root.appending(recipe.name)
                let before = try await shell(
                    root,
                    "find '\(recipe.name)' -type f | sort | xargs sha256sum; stat -c %Y '\(recipe.name)'")
                try await shell(root, "rm -rf '\(data)'/* && echo other >'\(data)/other'")
                let answer = try await kecsctl("migrate", "import", made.string, "dev", "-o", "json")
                #expect(answer.status == 0, "\(recipe.name): \(answer.errors)")
                #expect(try await shell(root, "sqlite3 '\(data)/kecs.db' .dump") == rows, "\(recipe.name)")
                if recipe.isTree {
                    let now = try treeDigest(data, leavingOut: ["kecs.db", "kecs.db-wal", "kecs.db-shm"])
                    #expect(now == tree, "\(recipe.name)")
                } else {
                    // Only the database came; what lay beside stays.
                    #expect(try data.appending("other").isPresent, "\(recipe.name)")
                }
                let after = try await shell(
                    root,
                    "find '\(recipe.name)' -type f | sort | xargs sha256sum; stat -c %Y '\(recipe.name)'")
                #expect(after == before, "\(recipe.name) was touched")
                #expect(try await kecsctl("undo", "dev").status == 0)
                #expect(try data.appending("other").isPresent, "\(recipe.name)")
            }
        }
    }

    @Test func `an archive of a folder whose newest rows are in the log brings them`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            try await source(root, kecsctl)
            // The guide's tar of a live folder: the database, its log, and no checkpoint.
            let live = root.appending("kecs-data/kecs.db")
            let writer = try SQLiteDatabase(live, .readWrite)
            try writer.execute("PRAGMA journal_mode = WAL")
            try writer.execute("PRAGMA wal_autocheckpoint = 0")
            try writer.execute("CREATE TABLE late (x)")
            try writer.execute(
                "INSERT INTO late WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
            )
            try await shell(root, "tar -czf kecs-backup-20240124-120000.tar.gz kecs-data/")
            let answer = try await kecsctl(
                "migrate", "import", root.appending("kecs-backup-20240124-120000.tar.gz").string, "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            let count = try await kecsctl("db", "query", "dev", "SELECT count(*) FROM late", "-o", "name")
            #expect(count.output == "1000\n")
            _ = writer
        }
    }

    @Test func `a bundle from another host, and owners that are mapped`() async throws {
        try await withTemporaryFolder { root in
            let other = Kecsctl(home: root.appending("other-host"))
            #expect(try await other("start", "prod", "--runtime", "local").status == 0)
            let made = root.appending("other-host/instances/prod")
            try await shell(
                root,
                """
                sqlite3 \(made)/data/kecs.db "INSERT INTO clusters (id, arn, name, status, created_at, updated_at) VALUES ('1', 'a', 'x', 'ACTIVE', '2025-09-20T09:00:00Z', '2025-09-20T09:00:00Z')"
                mkdir -p \(made)/minio-data/velero; echo object >\(made)/minio-data/velero/part.1
                chown -R 1000:1001 \(made)/data
                """)
            #expect(try await other("backup", "prod").status == 0)
            let id = try #require(
                try await other("backups", "list", "prod", "-o", "json").items().first?["id"]?.string)
            let bundle = root.appending("prod.tar")
            let export = try await other(
                "backups", "export", id, "--file", bundle.string, "--instance", "prod")
            #expect(export.status == 0, "\(export.errors)")
            let rows = try await shell(root, "sqlite3 \(made)/data/kecs.db .dump")

            let kecsctl = Kecsctl(home: root.appending("home"))
            let answer = try await kecsctl(
                "migrate", "import", bundle.string, "dev", "--map-owner", "1000:65532", "--map-owner",
                "1001:65533")
            #expect(answer.status == 0, "\(answer.errors)")
            let home = root.appending("home/instances/dev")
            #expect(try await shell(root, "sqlite3 \(home)/data/kecs.db .dump") == rows)
            #expect(try home.appending("minio-data/velero/part.1").contents() == Array("object\n".utf8))
            #expect(try await shell(root, "stat -c %u:%g \(home)/data/kecs.db") == "65532:65533\n")
            // Its configuration stays this host's own.
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["name"]?.string == "dev")
            let all = try await kecsctl("migrate", "import", bundle.string, "dev", "--owner", "4000:4001")
            #expect(all.status == 0, "\(all.errors)")
            #expect(
                try await shell(root, "find \(home)/data -exec stat -c %u:%g {} + | sort -u") == "4000:4001\n"
            )
        }
    }
}
