// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

extension Instance {
    /// Returns the place of the control plane's data.
    func statePlace(_ site: Site) async throws -> Part.Place {
        try await site.runtime(self).server.statePlace() ?? .folder(dataFolder())
    }

    /// Returns the data as a folder of this host.
    func reachableData(_ site: Site) async throws -> FilePath {
        switch try await statePlace(site) {
        case .folder(let path): return path
        case .entries: return try dataFolder()
        case .volume(let volume, let place):
            guard let folder = place else {
                throw Failure(
                    .failed, "the database of “\(name)” cannot be reached",
                    cause: "it lies in the volume \(volume), which this user cannot open",
                    remedy: "sudo kecsctl migrate status \(name)")
            }
            return folder
        }
    }
}

/// Returns the SQLite file of the database that the server uses. Fails with an explanation when it is missing or
/// belongs to another engine.
func stateDatabase(of instance: Instance, _ site: Site) async throws -> FilePath {
    try sqliteFile(try await site.database(of: instance), of: instance)
}

/// Returns the file of a database that must be an SQLite database.
func sqliteFile(_ chosen: ChosenDatabase, of instance: Instance) throws(Failure) -> FilePath {
    switch chosen.database.engine {
    case .sqlite: return chosen.file
    case .duckdb:
        throw Failure(
            .usage, "the database of “\(instance.name)” is of DuckDB", cause: "\(chosen.file)",
            remedy: "kecsctl migrate import \(chosen.file) \(instance.name)")
    case .folder(let server):
        throw Failure(
            .usage, "\(chosen.database.name) of “\(instance.name)” is a database of \(server)",
            cause: "only SQLite's are worked on here", remedy: "kecsctl inspect \(instance.name)")
    case .unknown, .unseen:
        throw Failure(
            .damaged, "the database of “\(instance.name)” is none",
            cause: "\(chosen.file) does not begin as an SQLite database does",
            remedy: "kecsctl backups list \(instance.name)")
    }
}

extension RuntimeVolumes {
    /// Returns true when a volume holds nothing. A volume that is only available as a stream is read for that.
    func isEmpty(volume: String, scratch: FilePath, _ cancellation: Cancellation) async throws -> Bool {
        if let folder = try await folder(ofVolume: volume) { return try StateOf.isEmpty(folder) }
        let tar = scratch.appending("there.tar")
        try await copyVolume(volume, to: tar, limit: .seconds(3600))
        var entries = 0
        try listArchive(tar, .contents, cancellation: cancellation) { _ in entries += 1 }
        try tar.remove()
        // The volume's own folder.
        return entries <= 1
    }
}

/// Returns what can reach an engine's volumes.
func volumes(of instance: Instance, _ site: Site) throws -> any RuntimeVolumes {
    try volumeRuntime(of: instance, site).volumeAccess
}

/// Returns the runtime that can reach an engine's volumes: the instance's own, or another one for an instance that runs
/// without them.
func volumeRuntime(of instance: Instance, _ site: Site) throws -> any Runtime {
    var instance = instance
    if instance.config.runtime.keepsDataInFolder { instance.config.runtime = .ofVolumes }
    return try site.runtime(instance)
}
