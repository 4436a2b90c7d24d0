// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct AdoptCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Record that an ECS cluster lives in a k3d cluster made by hand.",
        discussion: """
            Only the state database changes, after a backup. “recover” then recreates the cluster's services there. \
            “stop” and “destroy” never stop or delete a k3d cluster that kecsctl did not make. A running server reads \
            the name again when it restarts.
            """)

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl adopt dev default kecs-mine", "the ECS cluster “default” lives there from now on"),
        .init("kecsctl adopt dev default kecs-mine --dry-run", "what would change"))

    @Argument(
        help:
            "The instance, the ECS cluster and the k3d cluster. The instance may be omitted when KECS_INSTANCE names it."
    )
    var words: [String]

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        guard (2...3).contains(words.count) else {
            throw ValidationError("an instance, an ECS cluster and a k3d cluster are expected")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let cluster = words[words.count - 2]
        let k3dCluster = words[words.count - 1]
        return await session.operate(
            on: InstanceSelection(names: words.count == 3 ? [words[0]] : []), unnamed: .variable,
            changes: !change.dryRun, .init(text: Self.text, warnings: \.notes)
        ) { name in
            try await session.locked(name, change) { instance in
                guard let ground = session.site.ground?(instance) else {
                    throw Failure(.usage, "“\(name)” has no clusters that could be recovered")
                }
                return try await AdoptCluster(site: session.site, ground: ground).run(
                    instance, cluster: cluster, k3dCluster: k3dCluster, force: force.force,
                    dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: AdoptReport) -> String {
        let cluster = "the ECS cluster “\(report.cluster)”"
        switch report.outcome {
        case .planned: return "\(name): would record “\(report.k3dCluster)” for \(cluster)"
        case .already: return "\(name): \(cluster) lives in “\(report.k3dCluster)” already"
        default:
            let before = report.before.map { ", no longer in “\($0)”" } ?? ""
            let backup = report.backup.map { "; \($0.id) was taken before" } ?? ""
            return "\(name): \(cluster) lives in “\(report.k3dCluster)” now\(before)\(backup)"
        }
    }
}
