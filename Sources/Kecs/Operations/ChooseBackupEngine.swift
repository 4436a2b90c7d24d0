// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Decides whether a start may switch the backup engine of the cluster. The folder of Velero's store is mounted into
/// the nodes when they are created.
struct ChooseBackupEngine: Sendable {
    let site: Site

    init(site: Site) { self.site = site }

    /// Checks the request. Changes nothing.
    ///
    /// - Throws: `Failure(.usage)` for an instance without a cluster, or with one that was created with the other
    ///   choice.
    func check(_ name: InstanceName, _ request: StartRequest, isNew: Bool) async throws {
        guard let text = request.settings[.veleroBackup] else { return }
        let wants = text == "true"
        let instance = isNew ? nil : try site.instance(name, flags: request.settings)
        let given = try site.settings(flags: request.settings).text(.runtime).flatMap(RuntimeKind.init)
        let kind = instance?.config.runtime ?? given ?? .standard
        guard kind.hasCluster else {
            guard wants else { return }
            throw Self.noCluster(name, kind)
        }
        guard let instance else { return }
        let before = try site.instance(name).settings.flag(.veleroBackup)
        guard before != wants else { return }
        let state = await (try site.runtime(instance)).state()
        switch state {
        case .absent: return
        case .unknown(let why): throw Failure.unknownState(of: instance, why)
        case .running, .paused, .stopped:
            throw Failure(
                .usage, "the cluster of “\(name)” was made \(wants ? "without" : "with") Velero's store",
                cause: "a folder is bound into its nodes when they are made, so they must be made anew",
                remedy: "kecsctl migrate velero \(name)" + (wants ? "" : " --undo"))
        }
    }

    static func noCluster(_ name: InstanceName, _ kind: RuntimeKind) -> Failure {
        Failure(
            .usage, "Velero backs up a cluster, and “\(name)” runs with \(kind.rawValue)",
            cause:
                "only the runtime \(RuntimeKind.allCases.filter(\.hasCluster).list) has a cluster of its own",
            remedy: "kecsctl backup \(name)")
    }
}
