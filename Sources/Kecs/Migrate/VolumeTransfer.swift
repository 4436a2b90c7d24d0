// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// How the bytes of a docker volume are had as a tar, and put back. Given by the runtimes' module; without it there are
/// no volumes.
public protocol VolumeTransfer: Sendable {
    /// Writes all of the volume into a new tar file: names relative to its root, owners as they are.
    func copy(volume: String, to archive: FilePath) async throws
    /// Fills a volume, made if it is not there, with what is in the tar.
    ///
    /// - Throws: `Failure(.usage)` for a volume that holds something already.
    func fill(volume: String, from archive: FilePath) async throws
}
