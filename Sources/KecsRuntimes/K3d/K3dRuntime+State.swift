// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsBackups
import KecsSystem
public import SystemPackage

/// The volumes with what k3s keeps of the cluster.
extension K3dRuntime {
    public func folder(ofVolume name: String) async throws -> FilePath? {
        try await state(of: name).volumes.folder(of: name)
    }

    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        try await state(of: name).volumes.copy(name, to: tar, limit: limit)
    }

    public func fillVolume(_ name: String, from archive: FilePath) async throws {
        try await state(of: name).volumes.fill(name, from: archive)
    }

    public func makeReady(volume name: String) async throws { try await state(of: name).makeReady(name) }

    public func room(inVolume name: String) async throws -> VolumeRoom {
        try await state(of: name).volumes.room(in: name)
    }

    /// The k3s state of another home, or of a cluster before this one, is not removed.
    public func forget() async throws { try await cluster.k3sState?.remove() }

    public func obstacleToCloning() -> String? {
        cluster.k3sState.map { "the state of its k3s has the name of its node, \($0.node)" }
    }

    public func checkRestore(of manifest: Manifest, parts: Set<String>) throws {
        guard parts.contains(K3sState.databasePart) else { return }
        guard let state = cluster.k3sState else {
            throw Failure(
                .usage, "the backup has the state of a k3s, and “\(instance.name)” does not keep one",
                cause: "the setting k3sState is off, and the cluster would not see it",
                remedy: "kecsctl config set k3sState true --instance \(instance.name)")
        }
        try state.check(manifest)
    }

    private func state(of volume: String) throws -> K3sState {
        guard let state = cluster.k3sState, state.places.contains(where: { $0.volume == volume }) else {
            throw Failure(
                .failed, "the volume “\(volume)” cannot be reached",
                cause: "it is none of the cluster “\(cluster.name)” with the setting k3sState",
                remedy: "kecsctl config show \(instance.name) --origin")
        }
        return state
    }
}
