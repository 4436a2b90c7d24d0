// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
import KecsSystem
import KecsVelero
import SystemPackage

/// Installs Velero and its object store in a running cluster, stage by stage. Can be repeated: everything is applied.
struct InstallVelero: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let setup: VeleroSetup
    /// While a restore is due: nothing is removed from the store then, and nothing new comes into it.
    var isReadOnly = false

    private var instance: Instance { setup.instance }

    /// - Parameter limit: The limit for each wait; zero does not wait for Velero itself.
    func run(limit: Duration) async throws {
        let manifests = try setup.manifests()
        let credentials = try VeleroFolder(instance: instance, machine: machine).prepare()
        machine.progress.step("installing Velero", total: nil)
        try await apply(try VeleroDefinitions.objects(), "Velero's definitions")
        try await waitForDefinitions()
        try await waitOutTermination()
        try await dropOtherRights()
        try await apply(
            manifests.foundation + manifests.secrets(credentials), "Velero's namespace and rights")
        try await apply(manifests.storeObjects, "the object store")
        // No bucket can be created without the store, and Velero is useless without a bucket.
        try await waitForStore(limit: limit > .zero ? limit : .seconds(30))
        try makeBucket(owner: manifests.owner)
        try await seedLocation(manifests)
        try await apply(
            [manifests.location(isReadOnly: isReadOnly)] + manifests.serverObjects, "Velero")
        guard limit > .zero else { return }
        try await waitForRollout(
            "deployment", VeleroManifests.server, of: "Velero", limit: limit, obstacle: .deployment)
        if setup.hasVolumes {
            try await waitForRollout(
                "daemonset", VeleroManifests.nodeAgent, of: "Velero's node agent", limit: limit,
                obstacle: .daemonSet)
        }
        try await waitForLocation(limit: limit)
    }

    private func apply(_ objects: [JSONValue], _ what: String) async throws {
        try machine.cancellation.check()
        guard let complaint = try await kubectl.apply(objects).complaint else { return }
        throw Failure(
            .failed, "\(what) could not be applied to the cluster of “\(instance.name)”", cause: complaint,
            remedy: "kecsctl doctor \(instance.name)")
    }

    // MARK: Before

    private func waitForDefinitions() async throws {
        var waited = VeleroDefinitions.files.map(\.name)[...]
        let areThere = try await machine.clock.wait(upTo: .seconds(60), every: .milliseconds(500)) {
            try machine.cancellation.check()
            while let name = waited.first {
                let found = try await kubectl.object("customresourcedefinition", name, namespace: nil)
                let conditions = found?["status"]?["conditions"]?.array ?? []
                guard
                    conditions.contains(where: {
                        $0["type"]?.string == "Established" && $0["status"]?.string == "True"
                    })
                else { return false }
                waited = waited.dropFirst()
            }
            return true
        }
        guard areThere else {
            throw Failure(
                .timeout, "the cluster of “\(instance.name)” does not accept Velero's definitions",
                cause: "\(waited.first ?? "") is not established within 60 s",
                remedy: describe("customresourcedefinition", waited.first ?? "", namespace: nil))
        }
    }

    /// Waits until the namespace is not being deleted: objects that are applied to it before would be deleted with it.
    private func waitOutTermination() async throws {
        let isGone = try await machine.clock.wait(upTo: .seconds(60), every: .seconds(1)) {
            try machine.cancellation.check()
            let found = try await kubectl.object("namespace", VeleroManifests.namespace, namespace: nil)
            return found?["metadata"]?["deletionTimestamp"] == nil
        }
        guard isGone else {
            throw Failure(
                .timeout, "the namespace \(VeleroManifests.namespace) of “\(instance.name)” is being deleted",
                cause: "a finalizer holds it",
                remedy: describe("namespace", VeleroManifests.namespace, namespace: nil))
        }
    }

    /// Removes the other rights: rights that were given earlier are not kept.
    private func dropOtherRights() async throws {
        guard setup.rights == .scoped else { return }
        let bindings = ["clusterrolebindings.rbac.authorization.k8s.io"]
        let label = "\(VeleroManifests.adminLabel)=admin"
        _ = try await kubectl.delete(bindings, label: label, limit: .seconds(20))
    }

    // MARK: Store

    private func waitForStore(limit: Duration) async throws {
        try await waitForRollout(
            "statefulset", VeleroManifests.store, of: "the object store", limit: limit, obstacle: .pod)
    }

    /// Creates the bucket: a folder of this host, next to the server's own.
    private func makeBucket(owner: (user: UInt32, group: UInt32)) throws {
        let folder = instance.folder.objectStore
        if let file = setup.flavour.formatFile, try !folder.appending(file).isPresent {
            throw Failure(
                .failed, "the object store of “\(instance.name)” does not work in \(folder)",
                cause: "it runs, and has not made \(file) there: its node has another folder",
                remedy: "kecsctl migrate velero \(instance.name) --undo")
        }
        let bucket = folder.appending(VeleroManifests.bucket)
        guard try !bucket.isPresent else { return }
        try bucket.createFolder(mode: 0o755)
        if let status = try FileStatus.of(bucket), (status.owner, status.group) != owner {
            try bucket.setOwner(owner)
        }
    }

    private func seedLocation(_ manifests: VeleroManifests) async throws {
        let found = try await kubectl.object(
            "backupstoragelocations.velero.io", VeleroManifests.location, namespace: VeleroManifests.namespace
        )
        guard found == nil else { return }
        // What cannot be made here is made, or complained of, by what is applied next.
        _ = try await kubectl.create(manifests.seededLocation(isReadOnly: isReadOnly))
    }

    // MARK: Waits

    private enum Obstacle { case deployment, daemonSet, pod }

    private func waitForRollout(
        _ kind: String, _ name: String, of what: String, limit: Duration, obstacle: Obstacle
    ) async throws {
        machine.progress.step("waiting for \(what)", total: nil)
        var last = "it is not there"
        let isUp = try await machine.clock.wait(upTo: limit, every: .seconds(1)) {
            try machine.cancellation.check()
            let found = try await kubectl.object(kind, name, namespace: VeleroManifests.namespace)
            guard let found else { return false }
            switch Rollout(of: found) {
            case .complete: return true
            case .failed(let why): throw down(what, why, .failed)
            case .waiting(let why):
                let found = try await self.obstacle(name, obstacle)
                last = found.map { "\($0.why) (\(why))" } ?? why
                if found?.certainty == .certain { throw down(what, last, .failed) }
                return false
            }
        }
        guard isUp else { throw down(what, "\(last), after \(limit)", .timeout) }
    }

    private func obstacle(_ name: String, _ kind: Obstacle) async throws -> RolloutObstacle? {
        let namespace = VeleroManifests.namespace
        let all = try await KubectlObstacles(kubectl, namespace: namespace).byWorkload()
        let id =
            switch kind {
            case .deployment: KubernetesObject.ID("Deployment", namespace, name)
            case .daemonSet: KubernetesObject.ID("DaemonSet", namespace, name)
            case .pod: KubernetesObject.ID("Pod", namespace, "\(name)-0")
            }
        return all[id]
    }

    /// Returns the failure of a rollout. Images of stores have vanished from registries before, so the remedy names the
    /// image, and the cause names the setting for another one.
    private func down(_ what: String, _ why: String, _ kind: Failure.Kind) -> Failure {
        var cause = why
        var remedy = "kecsctl start \(instance.name)"
        let images: [(String, SettingKey)] = [
            (setup.images.store, .objectStoreImage), (setup.images.server, .veleroImage),
            (setup.images.plugin, .veleroPluginImage),
        ]
        if why.contains("pull") || why.contains("ErrImage"),
            let (image, key) = images.first(where: { why.contains($0.0) })
        {
            cause += "; the setting \(key.rawValue) says another image"
            remedy = ShellWords.quote(["docker", "pull", image])
        }
        // The cluster was created before volumes were wanted.
        if why.contains("not a shared or slave mount") {
            remedy = "kecsctl stop \(instance.name) && kecsctl start \(instance.name)"
        }
        return Failure(
            kind, "\(what) of “\(instance.name)” does not come up", cause: cause, remedy: remedy)
    }

    /// Waits until Velero has listed the bucket and reports it as available. A location without a time of validation
    /// has not been checked yet.
    private func waitForLocation(limit: Duration) async throws {
        machine.progress.step("waiting for Velero to see its store", total: nil)
        var last = "Velero has not processed it"
        let isAvailable = try await machine.clock.wait(upTo: limit, every: .seconds(1)) {
            try machine.cancellation.check()
            let found = try await kubectl.object(
                "backupstoragelocations.velero.io", VeleroManifests.location,
                namespace: VeleroManifests.namespace)
            guard let status = found?["status"], status["lastValidationTime"]?.string != nil else {
                return false
            }
            if status["phase"]?.string == "Available" { return true }
            last =
                status["message"]?.string.map(VeleroReason.translated)
                ?? "its phase is \(status["phase"]?.string ?? "missing")"
            return false
        }
        guard isAvailable else {
            throw Failure(
                .timeout, "Velero of “\(instance.name)” cannot use its object store", cause: last,
                remedy: describe(
                    "backupstoragelocations.velero.io", VeleroManifests.location,
                    namespace: VeleroManifests.namespace))
        }
    }

    private func describe(_ kind: String, _ name: String, namespace: String?) -> String {
        ShellWords.quote(
            ["kubectl", "--kubeconfig", kubectl.kubeconfig.string, "describe", kind, name]
                + (namespace.map { ["-n", $0] } ?? []))
    }
}
