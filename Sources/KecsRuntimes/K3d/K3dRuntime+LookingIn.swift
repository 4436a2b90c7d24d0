// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import Kecs
import KecsSystem
public import SystemPackage

/// What runs in the cluster, looked at from outside.
extension K3dRuntime {
    /// Writes the log of the control plane. In a cluster a container's two streams are one.
    public func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool {
        let kubectl = try await reachable()
        try await kubectl.log(
            "deployment/\(ControlPlaneManifests.deployment)", container: ControlPlaneManifests.container,
            namespace: ControlPlaneManifests.namespace, request, output: sink.output)
        return true
    }

    public func serverDatabase(at path: FilePath) async throws -> ServerView? {
        try await ControlPlane(
            machine: machine, kubectl: try await reachable(), instance: "\(instance.name)"
        )
        .database(path.string)
    }

    /// Returns the other containers that use the parts. An instance that never had a cluster can be examined without
    /// docker.
    public func otherContainers(using parts: [Part]) async throws -> OtherContainers {
        do {
            return try await ContainerUsers(docker: cluster.engine.docker, instance: instance).run(parts)
        } catch let failure as Failure where failure.kind == .unreachable {
            return OtherContainers(unseen: "the docker engine could not be asked for its containers")
        }
    }

    /// kubectl for a cluster that runs and whose API answers.
    func reachable() async throws -> Kubectl {
        switch try await cluster.condition() {
        case .unknown(let why): throw cluster.unknown(why)
        case .absent:
            throw Failure(
                .notFound, "“\(instance.name)” has no cluster", cause: "k3d lists no “\(cluster.name)”",
                remedy: "kecsctl start \(instance.name)")
        case .present(let found):
            guard found.hasRunningServer else {
                throw Failure(
                    .failed, "the cluster of “\(instance.name)” does not run",
                    cause: "only the cluster has what its control plane wrote",
                    remedy: "kecsctl start \(instance.name)")
            }
        }
        if try !cluster.kubeconfig.isPresent { _ = try await cluster.fetchKubeconfig() }
        let (isReady, why) = try await cluster.kubectl.readyz()
        guard isReady else {
            throw Failure(
                .unreachable, "the API of “\(cluster.name)” does not answer", cause: why,
                remedy: "kecsctl doctor \(instance.name)")
        }
        return cluster.kubectl
    }
}
