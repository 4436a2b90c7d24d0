// SPDX-License-Identifier: Apache-2.0
import KecsTesting
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

@Suite struct RecipeTests {
    /// What the guides say, and what does it right.
    static let cases: [(id: String, bad: [String], good: [String])] = [
        (
            "recipe.cp-live-db",
            [
                "cp /data/kecs.db /backup/kecs-$(date +%F).db",
                "0 2 * * * cp -p ~/.kecs/data/kecs.db /mnt/backup/",
                "docker cp kecs:/data && cp /data/db.sqlite x",
            ],
            [
                "cp notes.txt /backup/", "cp kecs.db.backup /mnt/", "# cp /data/kecs.db /backup/",
                "kecsctl backup dev",
            ]
        ),
        (
            "recipe.sqlite-backup", ["sqlite3 /data/db.sqlite \".backup '/backup/db.sqlite'\""],
            ["sqlite3 db.sqlite \"VACUUM INTO 'x'\""]
        ),
        (
            "recipe.read-only-db",
            [
                "docker run --rm -v mimir_data:/data:ro -v /b:/backup alpine tar czf /backup/x.tar.gz -C /data ."
            ],
            ["docker run --rm -v mimir_data:/data alpine tar czf /backup/x.tar.gz -C /data ."]
        ),
        (
            "recipe.relative-volume",
            [
                "BACKUP_DIR=\"./backups/x\"\ndocker run -v \"${BACKUP_DIR}:/backup\" alpine true",
                "docker run -v ./data:/data alpine",
            ],
            ["BACKUP_DIR=\"/srv/backups\"\ndocker run -v \"${BACKUP_DIR}:/backup\" alpine true"]
        ),
        (
            "recipe.sleep-first", ["while true; do\n  sleep 86400\n  sqlite3 /data/db .dump > x\ndone"],
            ["while true; do\n  cp a b\n  sleep 86400\ndone", "sleep 5"]
        ),
        (
            "recipe.restore-over-live",
            [
                "cp backups/db_backup.sqlite dev_assets/db.sqlite",
                "docker run --rm -v v:/data -v /b:/backup alpine tar xzf /backup/x.tar.gz -C /data",
            ],
            [
                "tar xzf x.tar.gz -C /tmp/new", "cp db.sqlite backups/db_backup.sqlite",
                "cp db.sqlite backups/db_backup_$(date +%Y%m%d).sqlite",
            ]
        ),
        ("recipe.cp-glob-db", ["cp dev_assets/db.backup.*.sqlite dev_assets/db.sqlite"], ["cp *.txt notes/"]),
        (
            "recipe.sqlite-stdin",
            ["sqlite3 dev_assets/db.sqlite < backup_20251119.sqlite", "sqlite3 x.db <y.db"],
            ["sqlite3 x.db < dump.sql"]
        ),
        (
            "recipe.rm-before-extract", ["rm -rf kecs-data/\ntar -xzf kecs-backup.tar.gz"],
            ["rm -rf /tmp/x\ntar -xzf a.tar.gz", "rm -rf kecs-data/"]
        ),
        (
            "recipe.archive-layout", ["tar -czf a.tar.gz kecs-data/\ntar -czf b.tar.gz -C /data ."],
            ["tar -czf a.tar.gz kecs-data/"]
        ),
        (
            "recipe.find-rm-root", ["find /path/to/backups -mtime +7 -type d -exec rm -rf {} +"],
            ["find /b -mindepth 1 -mtime +7 -exec rm -r {} +", "find . -name x"]
        ),
        (
            "recipe.find-delete", ["0 3 * * * find /backup -name '*.sqlite' -mtime +7 -delete"],
            ["find /tmp -name x -delete"]
        ),
        ("recipe.rm-lock", ["rm kecs-data/.lock", "rm -f /data/.lock"], ["rm x.locked"]),
        (
            "recipe.chmod",
            [
                "chmod -R 755 kecs-data/", "chmod 777 dev_assets/", "chmod 666 db.sqlite",
                "RUN chmod -R a+w /data",
            ], ["chmod 755 bin/x", "chmod 600 .env"]
        ),
        (
            "recipe.down-v",
            ["docker-compose down -v", "docker compose -f x.yml down --volumes", "docker volume prune -f"],
            ["docker compose down", "docker volume ls"]
        ),
        (
            "recipe.truncated-size", ["SIZE_GB=$((SIZE/1024))", "SIZE_GB=$(( SIZE / 1024 / 1024 ))"],
            ["SIZE_KB=$((SIZE/1024))", "X=$((Y/2))"]
        ),
    ]

    private func lines(_ id: String, _ text: String) throws -> [Int] {
        let recipe = try #require(Recipes.all.first { $0.id == id })
        return recipe.find(Script(.init(path: "/x.sh", text: text)))
    }

    @Test func `every recipe has its cases`() {
        #expect(Set(Recipes.all.map(\.id)) == Set(Self.cases.map(\.id)))
    }

    @Test(arguments: cases.map(\.id))
    func `the guides' lines are found, and what does it right is not`(id: String) throws {
        let (_, bad, good) = try #require(Self.cases.first { $0.id == id })
        for text in bad { #expect(try !lines(id, text).isEmpty, "\(text)") }
        for text in good { #expect(try lines(id, text) == [], "\(text)") }
    }

    @Test
    func `a finding names file and line, counts continued lines as their first, and repeats no password`()
        async throws
    {
        let text = "#!/bin/sh\n\nDB_PASSWORD=x123 cp \\\n  /data/kecs.db \\\n  /backup/\n"
        let project = ProjectFiles(files: [.init(path: "/srv/backup.sh", text: text)])
        let check = try #require(RecipeCheck.all(project).first { $0.info.id == "recipe.cp-live-db" })
        try await CheckScene.with { scene in
            let finding = try await scene.finding(check)
            #expect(finding.message.hasPrefix("/srv/backup.sh, line 3, copies a live database"))
            #expect(finding.evidence["text"]?.string?.contains("x123") == false)
        }
    }

    @Test func `databases in images and in git, secrets in git`() async throws {
        let project = ProjectFiles(
            files: [
                .init(
                    path: "/p/Dockerfile",
                    text:
                        "FROM x\nCOPY --chown=1:1 dev_assets ./dev_assets\nCOPY --from=build /app/bin /bin\nCOPY seed.sqlite /app/\n"
                )
            ],
            tracked: .known(["/p/.env", "/p/.env.example", "/p/dev_assets/db.sqlite", "/p/main.go"]))
        try await CheckScene.with { scene in
            func check(_ id: String) throws -> any Check {
                try #require(RuntimeChecks.all(project: project).first { $0.info.id == id })
            }
            let image = try await scene.findings(check("dockerfile.db-in-image"))
            #expect(image.map { $0.evidence["line"] } == [2, 4])
            #expect(try await scene.finding(check("git.env-tracked")).evidence["path"] == "/p/.env")
            #expect(
                try await scene.finding(check("git.db-tracked")).evidence["path"] == "/p/dev_assets/db.sqlite"
            )
            for id in ["dockerfile.db-in-image", "git.env-tracked", "git.db-tracked"] {
                let clean = try #require(RuntimeChecks.all().first { $0.info.id == id })
                try await scene.expectNone(clean)
            }
        }
    }

    @Test func `an .env that others can read`() async throws {
        try await CheckScene.with { scene in
            let project = ProjectFiles(folders: [scene.home.folder])
            let check = try #require(RuntimeChecks.all(project: project).first { $0.info.id == "env.mode" })
            try scene.write(scene.home.folder.appending(".env"), "A=b", mode: 0o600)
            try await scene.expectNone(check)
            try scene.home.folder.appending(".env").setMode(0o644)
            _ = try await scene.finding(check)
        }
    }
}
