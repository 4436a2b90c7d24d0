// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

extension CheckCase {
    static let projects =
        RecipeTests.cases.map(recipe) + [
            dockerfile("dockerfile.db-in-image", "line 2, copies dev_assets into the image"),
            tracked("git.env-tracked", ".env", "is tracked by git, with the secrets in it"),
            tracked("git.db-tracked", "dev_assets/db.sqlite", "is a database that is tracked by git"),
            CheckCase(
                "env.mode", .warning, "others can read",
                good: { scene in
                    let folder = scene.home.folder.appending("project")
                    try scene.write(folder.appending(".env"), "A=b", mode: 0o600)
                    scene.project = ProjectFiles(folders: [folder])
                }, bad: { try $0.home.folder.appending("project/.env").setMode(0o640) }),
        ]

    /// The guide's fourteen items.
    static let production = [
        dockerfile("db-not-in-image", "line 2, copies dev_assets into the image"),
        CheckCase(
            "data-mount", .error, "lies on tmpfs", good: { $0.mount($0.home.folder.resolved(), "ext4") },
            bad: { $0.mount($0.home.folder.resolved(), "tmpfs") }),
        CheckCase(
            "repos-mount", .error, "/repos of “dev” is an anonymous volume", runtime: .docker,
            good: {
                $0.engine = .well([
                    try .running {
                        $0.mounts.append(
                            .init(
                                kind: "volume", name: "repos", source: "", destination: "/repos",
                                isWritable: true))
                    }
                ])
            },
            bad: { try $0.engine.change { $0.mounts[1].name = String(repeating: "a1", count: 32) } }),
        CheckCase(
            "uid-match", .error, "expected 4711:4711",
            good: { try $0.setSetting("owner", .string("\(Machine.userID):\(Machine.groupID)")) },
            bad: { try $0.setSetting("owner", "4711:4711") }),
        CheckCase(
            "backup-strategy", .error, "lacks a schedule",
            good: { scene in
                try scene.addBackup(.seconds(60))
                try scene.addHistory("backups export", "done", extra: ["isOnAnotherFileSystem": true])
                scene.surroundings.crontabs = [
                    .init(path: "crontab -l", text: "0 2 * * * kecsctl backup dev --quiet")
                ]
            }, bad: { $0.surroundings.crontabs = [] }),
        proved("restore-tested", "a restore was tried", by: "restore"),
        proved("rollback-tested", "taking back a change was tried", by: "undo"),
        persistence("persists-restart", "restart", "outlives a restart"),
        persistence("persists-rebuild", "rebuild", "survives a recreated container"),
        persistence("persists-down", "down", "outlives the removal of the containers"),
        tracked("env-not-in-git", ".env", "is tracked by git, with the secrets in it"),
        tracked("db-not-in-git", "dev_assets/db.sqlite", "is a database that is tracked by git"),
        CheckCase(
            "backup-dir-writable", .error, "cannot be written", good: { try $0.addBackup(.seconds(60)) },
            bad: { scene in
                let folder = scene.site.home.backupStore(of: scene.name).folder
                if geteuid() == 0 {
                    // For root nothing is closed but what is no place for files at all.
                    try folder.removeTree()
                    try scene.write(folder, "in the way")
                } else {
                    try folder.setMode(0o500)
                }
            }),
        CheckCase(
            "docs", .error, "no README.md or RUNBOOK.md here says how “dev” is restored",
            good: { try $0.write($0.folder.path.appending("RUNBOOK.md"), "Run kecsctl restore dev.") },
            bad: { try $0.write($0.folder.path.appending("RUNBOOK.md"), "Run kecsctl backup dev.") }),
    ]

    /// A script with what does it right, then one with the guides' line.
    private static func recipe(_ recipe: (id: String, bad: [String], good: [String])) -> CheckCase {
        CheckCase(
            recipe.id, .warning, "backup.sh, line ",
            good: { scene in
                scene.project = try scene.script(recipe.good.first ?? "")
            }, bad: { scene in scene.project = try scene.script(recipe.bad.first ?? "") })
    }

    private static func dockerfile(_ id: String, _ words: String) -> CheckCase {
        CheckCase(
            id, .error, words,
            good: {
                $0.project.files = [
                    .init(path: "/p/Dockerfile", text: "FROM x\nCOPY --from=build /app/bin /bin\n")
                ]
            },
            bad: {
                $0.project.files = [
                    .init(path: "/p/Dockerfile", text: "FROM x\nCOPY --chown=1:1 dev_assets ./dev_assets\n")
                ]
            })
    }

    /// In a working tree of git, looked through as the doctor does.
    private static func tracked(_ id: String, _ file: String, _ words: String) -> CheckCase {
        CheckCase(
            id, .error, words,
            good: { scene in
                let folder = scene.home.folder.appending("project")
                try scene.write(folder.appending("compose.yml"), "services: {}\n")
                try scene.write(folder.appending(".env.example"), "A=\n")
                try scene.write(folder.appending(".gitignore"), ".env\n*.sqlite\n")
                try scene.setSetting("composeFile", .string(folder.appending("compose.yml").string))
                try await scene.git("init", "--quiet")
                try await scene.git("add", ".")
                try scene.write(folder.appending(bytes: Array(file.utf8)), "secret")
                try await scene.lookAtProject()
                try #require(scene.project.tracked.get().count == 3, "git was not queried")
            },
            bad: { scene in
                try await scene.git("add", "--force", file)
                try await scene.lookAtProject()
            })
    }

    private static func proved(_ id: String, _ words: String, by command: String) -> CheckCase {
        CheckCase(
            id, .error, words, good: { try $0.addHistory(command, "done", age: .seconds(35 * 86_400)) },
            bad: { $0.clock.advance(by: .seconds(1)) })
    }

    private static func persistence(_ id: String, _ step: String, _ words: String) -> CheckCase {
        CheckCase(
            id, .error, words, runtime: .docker,
            good: {
                try $0.addHistory(
                    "test persistence", "done", extra: ["survived": ["restart", "rebuild", "down"]])
            },
            bad: { scene in
                let others = ["restart", "rebuild", "down"].filter { $0 != step }
                try scene.addHistory(
                    "test persistence", "done", extra: ["survived": .array(others.map { .string($0) })])
            })
    }
}
