// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// Access to volumes whose trees are no folders of this host.
public protocol RuntimeVolumes: Sendable {
    /// Returns the folder of a volume's tree on this host; nil when it cannot be reached there.
    func folder(ofVolume name: String) async throws -> FilePath?
    /// Writes an uncompressed tar of a volume that cannot be reached on this host.
    ///
    /// - Throws: `Failure(.timeout)` when that would take longer than `limit`.
    func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws
    /// Replaces the content of such a volume with the archive's. Can be repeated after a kill.
    func fillVolume(_ name: String, from archive: FilePath) async throws
    /// Ensures that a volume exists and can be restored into. Called before anything of it is touched.
    func makeReady(volume name: String) async throws
    /// Returns the used and the total space of such a volume.
    func room(inVolume name: String) async throws -> VolumeRoom
}

extension RuntimeVolumes {
    public func folder(ofVolume name: String) async throws -> FilePath? { throw noVolumes(name) }
    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        throw noVolumes(name)
    }
    public func fillVolume(_ name: String, from archive: FilePath) async throws { throw noVolumes(name) }
    public func makeReady(volume name: String) async throws { throw noVolumes(name) }
    public func room(inVolume name: String) async throws -> VolumeRoom { VolumeRoom() }
    private func noVolumes(_ name: String) -> Failure {
        Failure(
            .failed, "the volume “\(name)” cannot be reached",
            cause: "the instance's runtime knows no volumes", remedy: "kecsctl status")
    }
}
