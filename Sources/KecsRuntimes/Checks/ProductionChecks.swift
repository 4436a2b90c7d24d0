// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsBackups
import KecsDoctor
import KecsSystem
import SystemPackage

/// The persistence guide's fourteen items “Before Production”, under its own names. They want proof: an item without a
/// record of it counts as not done.
enum ProductionChecks {
    static let profile = "production"

    static func all(_ engine: EngineFacts, _ project: ProjectFiles) -> [any Check] {
        data(engine, project) + care(engine, project)
    }

    /// Where the data is, and whose.
    private static func data(_ engine: EngineFacts, _ project: ProjectFiles) -> [any Check] {
        [
            item("db-not-in-image", "no image contains the database") { facts, look in
                try await ProjectChecks.databasesInDockerfiles(project, look.cancellation)
                    + ImageDatabaseCheck(engine: engine).run(facts, look)
            },
            item("data-mount", "the data lies outside of every container") { facts, look in
                guard facts.instance.config.runtime != .local else {
                    let mounts = try look.surroundings.mounts.get()
                    let kind = mounts.mount(of: try facts.data.get())?.kind ?? "unknown"
                    return kind == "overlay" || kind == "tmpfs"
                        ? [
                            Finding(
                                .error, "the data of “\(facts.name)” lies on \(kind), which does not last")
                        ] : []
                }
                let containers = try engine.containers(of: facts)
                let primary = try facts.inventory.get().primary
                if case .inContainer(let path, _) = primary {
                    return [
                        Finding(
                            .error, "the database \(path) of “\(facts.name)” lies where nothing is mounted",
                            ["path": .string(path.string)], remedy: "kecsctl inspect \(facts.name)")
                    ]
                }
                guard !containers.contains(where: { $0.mounts.contains(where: \.isWritable) }) else {
                    return []
                }
                return [
                    Finding(
                        .error, "no container of “\(facts.name)” has a mount for its data",
                        remedy: "kecsctl start \(facts.name)")
                ]
            },
            item("repos-mount", "/repos and all else that containers mount has a name") { facts, _ in
                guard facts.instance.config.runtime == .docker || facts.instance.config.runtime == .compose
                else { return [] }
                let anonymous = try engine.containers(of: facts).flatMap(\.mounts).filter(\.isAnonymous)
                return anonymous.map {
                    Finding(
                        .error, "\($0.destination) of “\(facts.name)” is an anonymous volume",
                        ["volume": .string($0.name)])
                }
            },
            item("uid-match", "the data belongs to the user that writes it") { facts, _ in
                guard
                    let expected = try ExpectedOwner.of(
                        facts, user: Machine.userID, group: Machine.groupID)
                else { throw CannotTell("the server's user is unknown") }
                // Root may write whatever belongs to others.
                guard expected.owner.user != 0 else { return [] }
                return facts.parts.filter { $0.part.role != .config }.compactMap { part -> Finding? in
                    let tree: TreeFacts
                    switch part.tree {
                    case .known(let seen): tree = seen
                    case .unknown(let why):
                        return Finding(
                            .notLooked, "not looked at: \(part.name): \(why)",
                            ["part": .string(part.name)])
                    }
                    let others = tree.entries.filter { $0.status.owner != expected.owner.user }
                    guard let first = others.first else { return nil }
                    return Finding(
                        .error,
                        "\(part.name) of “\(facts.name)” belongs to \(first.status.owner):\(first.status.group), "
                            + "expected \(expected.owner)",
                        [
                            "part": .string(part.name), "path": .string(first.path.string),
                            "entries": .integer(Int64(others.count)), "because": .string(expected.because),
                        ],
                        remedy: "kecsctl doctor \(facts.name) --check perm.owner")
                }
            },
        ]
    }

    /// Backups, and what is written down.
    private static func care(_ engine: EngineFacts, _ project: ProjectFiles) -> [any Check] {
        [
            item("backup-strategy", "backups are taken by a schedule, and copies lie elsewhere") {
                facts, look in
                var missing: [String] = []
                if try facts.backups.get().first(where: \.isRestorable) == nil {
                    missing.append("a verified backup")
                }
                if !look.surroundings.isScheduled(facts.name, home: look.site.home) {
                    missing.append("a schedule")
                }
                if !facts.hasRemoteCopy { missing.append("a copy elsewhere") }
                guard !missing.isEmpty else { return [] }
                return [
                    Finding(
                        .error, "“\(facts.name)” lacks \(missing.joined(separator: ", "))",
                        ["missing": .array(missing.map { .string($0) })],
                        remedy: "kecsctl schedule install \(facts.name) --at 02:00")
                ]
            },
            proof(
                "restore-tested", "a restore was tried within 35 days",
                ["restore", "backups drill"], "kecsctl backups drill INSTANCE"),
            proof(
                "rollback-tested", "taking back a change was tried within 35 days",
                ["undo", "migrate schema", "recover --undo"], "kecsctl undo INSTANCE"),
            persistence("persists-restart", "the data outlives a restart", step: "restart"),
            persistence(
                "persists-rebuild", "the data survives a recreated container", step: "rebuild"),
            persistence("persists-down", "the data outlives the removal of the containers", step: "down"),
            item("env-not-in-git", "no .env is tracked by git") { _, _ in try ProjectChecks.envInGit(project)
            },
            item("db-not-in-git", "no database is tracked by git") { _, _ in
                try ProjectChecks.databaseInGit(project)
            },
            item("backup-dir-writable", "backups can be written") { facts, look in
                var folder = facts.instance.backups.folder
                while try FileStatus.of(folder) == nil, folder.components.count > 0 {
                    folder.removeLastComponent()
                }
                guard !folder.mayBeWritten else { return [] }
                return [
                    Finding(
                        .error, "\(folder) cannot be written", ["path": .string(folder.string)],
                        remedy: "ls -ld \(folder)")
                ]
            },
            item("docs", "what to do in a disaster is written down") { facts, look in
                let names = [
                    "README.md", "RUNBOOK.md", "DISASTER-RECOVERY.md", "docs/runbook.md",
                    "docs/disaster-recovery.md", "runbook.md",
                ]
                let folders = project.folders + [facts.instance.folder.path]
                for folder in folders {
                    for name in names {
                        let file = FilePath("\(folder)/\(name)")
                        guard let bytes = try? file.contents(limit: 4 << 20) else { continue }
                        let text = String(decoding: bytes, as: UTF8.self).lowercased()
                        if text.contains("kecsctl"), text.contains("restore") { return [] }
                    }
                }
                return [
                    Finding(
                        .error,
                        "no README.md or RUNBOOK.md here says how “\(facts.name)” is restored with kecsctl",
                        ["folders": .array(folders.map { .string($0.string) })])
                ]
            },
        ]
    }

    private struct Item: InstanceCheck {
        let info: CheckInfo
        let judge: @Sendable (InstanceFacts, Look) async throws -> [Finding]
        func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
            try await judge(facts, look)
        }
    }

    private static func item(
        _ id: String, _ claim: String,
        _ judge: @escaping @Sendable (InstanceFacts, Look) async throws -> [Finding]
    ) -> any Check {
        Item(info: CheckInfo(id, .instance, .error, claim, profile: profile), judge: judge)
    }

    private static func proof(
        _ id: String, _ claim: String, _ commands: [String], _ remedy: String
    ) -> any Check {
        item(id, claim) { facts, look in
            let last = facts.history.last {
                commands.contains($0.command) && $0.succeeded(for: facts.name) == true
            }
            if let last, look.now.since(last.at) <= Thresholds.drillAge.duration { return [] }
            return [
                Finding(
                    .error, "there is no proof for “\(facts.name)” that \(claim)",
                    last.map { ["last": .string("\($0.at)")] } ?? [:],
                    remedy: remedy.replacingInstance(facts.name))
            ]
        }
    }

    /// Returns a check by the last `test persistence`, whose report names each step that passed.
    private static func persistence(_ id: String, _ claim: String, step: String) -> any Check {
        item(id, claim) { facts, look in
            let last = facts.history.last {
                $0.command == "test persistence" && $0.succeeded(for: facts.name) == true
            }
            let result = last?.result(of: facts.name)
            var steps = result?["survived"]?.array?.compactMap(\.string) ?? []
            // A server on this host has nothing that could be recreated.
            if facts.instance.config.runtime == .local, steps.contains("restart") {
                steps += result?["skipped"]?.array?.compactMap(\.string) ?? []
            }
            if let why = result?["unseen"]?.string, steps.contains(step) {
                throw CannotTell("whether the server has the file that was written: \(why)")
            }
            if let last, steps.contains(step), look.now.since(last.at) <= Thresholds.drillAge.duration {
                return []
            }
            return [
                Finding(
                    .error, "there is no proof for “\(facts.name)” that \(claim)",
                    last.map { ["last": .string("\($0.at)")] } ?? [:],
                    remedy: "kecsctl test persistence \(facts.name)")
            ]
        }
    }
}

extension FilePath {
    fileprivate var mayBeWritten: Bool { withPlatformString { paths_access($0, W_OK | X_OK) } == 0 }
}

extension String {
    fileprivate func replacingInstance(_ name: InstanceName) -> String {
        split(separator: "INSTANCE", omittingEmptySubsequences: false).joined(separator: name.description)
    }
}
