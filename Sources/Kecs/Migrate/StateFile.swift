// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

extension Instance {
    /// Where the control plane's data lies.
    func statePlace(_ site: Site) async throws -> Part.Place {
        try await site.runtime(self).statePlace() ?? .folder(dataFolder())
    }

    /// The same as a folder of this host.
    func reachableData(_ site: Site) async throws -> FilePath {
        switch try await statePlace(site) {
        case .folder(let path): return path
        case .entries: return try dataFolder()
        case .volume(let volume, let place):
            guard let folder = place else {
                throw Failure(
                    .failed, "the database of “\(name)” cannot be reached",
                    cause: "it lies in the docker volume \(volume), which this user cannot open",
                    remedy: "sudo kecsctl migrate status \(name)")
            }
            return folder
        }
    }
}

/// The control plane's SQLite file; its absence or another engine is explained.
func stateDatabase(of instance: Instance, _ site: Site) async throws -> FilePath {
    try stateDatabase(of: instance, in: try await instance.reachableData(site))
}

private func stateDatabase(of instance: Instance, in data: FilePath) throws -> FilePath {
    let standard = data.appending(InstanceFolder.databaseName)
    var file = standard
    if try !standard.isPresent, try data.isFolder {
        let others = try data.entries().map { data.appending($0) }
            .filter { try FileStatus.of($0)?.kind == .file && DatabaseEngine(of: $0) == .sqlite }
        if others.count == 1 { file = others[0] }
    }
    guard try file.isPresent else {
        throw Failure(
            .notFound, "“\(instance.name)” has no database", cause: "there is no \(standard)",
            remedy: "kecsctl status \(instance.name)")
    }
    switch try DatabaseEngine(of: file) {
    case .sqlite: return file
    case .duckdb:
        throw Failure(
            .usage, "the database of “\(instance.name)” is of DuckDB", cause: "\(file)",
            remedy: "kecsctl migrate import \(file) \(instance.name)")
    case .unknown, nil:
        throw Failure(
            .damaged, "the database of “\(instance.name)” is none",
            cause: "\(file) does not begin as an SQLite database does",
            remedy: "kecsctl backups list \(instance.name)")
    }
}

extension Runtime {
    /// Whether a volume holds nothing. One that only comes as a stream is read to see that.
    func isEmpty(volume: String, scratch: FilePath, _ cancellation: Cancellation) async throws -> Bool {
        if let folder = try await folder(ofVolume: volume) { return try StateOf.isEmpty(folder) }
        let tar = scratch.appending("there.tar")
        try await copyVolume(volume, to: tar, limit: .seconds(3600))
        var entries = 0
        try listArchive(tar, digests: false, cancellation: cancellation) { _ in entries += 1 }
        try tar.remove()
        // The volume's own folder.
        return entries <= 1
    }
}

/// Who can reach docker volumes: the instance's own runtime, or for one that runs without containers docker's.
func volumes(of instance: Instance, _ site: Site) throws -> any Runtime {
    var instance = instance
    if [.local, .k3d].contains(instance.config.runtime) { instance.config.runtime = .docker }
    return try site.runtime(instance)
}
