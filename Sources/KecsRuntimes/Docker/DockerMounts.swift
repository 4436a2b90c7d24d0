// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The meaning of the mounts of a container that we did not make: which of them hold data, and the names of the parts.
struct DockerMounts: Sendable {
    private let mounts: [DockerContainer.Mount]

    init(_ mounts: [DockerContainer.Mount]) { self.mounts = mounts }

    /// The instance's configuration and every bound folder and volume, each once.
    func parts(of instance: Instance) throws -> [Part] {
        var parts = [
            Part(
                name: "config", place: .entries(of: instance.folder.path, named: InstanceFolder.configEntries)
            )
        ]
        let data = try instance.dataFolder()
        if !data.starts(with: instance.folder.path), try data.isFolder {
            parts.insert(Part(name: "data", place: .folder(data)), at: 0)
        }
        for mount in mounts.sorted(by: { $0.destination < $1.destination }) where mount.holdsState {
            let used = parts.map(\.name)
            if mount.type == "volume" {
                parts += DockerMounts([mount]).volumes(besides: parts)
            } else if mount.type == "bind" {
                let source = FilePath(mount.source)
                // A mount below an existing part would be kept twice.
                let isCovered = parts.contains {
                    if case .folder(let other) = $0.place { source.starts(with: other) } else { false }
                }
                guard !isCovered, let place = try Self.place(of: source) else { continue }
                let name = FilePath(mount.destination).lastComponent?.string ?? "folder"
                parts.append(Part(name: Self.free(name, besides: used), place: place))
            }
        }
        return parts
    }

    /// Returns the same with role and path inside, including missing ones.
    ///
    /// - Parameter own: The parts that a container of ours has regardless of its mounts.
    func inventory(of instance: Instance, besides own: [InventoryPart]) throws -> [InventoryPart] {
        var found = own
        func inside(_ place: Part.Place) -> String? {
            mounts.first {
                switch place {
                case .volume(let name, _): $0.type == "volume" && $0.name == name
                case .folder(let folder): $0.type == "bind" && FilePath($0.source) == folder
                case .entries(let folder, let named):
                    $0.type == "bind" && named.count == 1 && FilePath($0.source) == folder.appending(named[0])
                }
            }?.destination
        }
        for part in own.isEmpty ? try parts(of: instance) : [] {
            let path = inside(part.place)
            found.append(
                InventoryPart(
                    part: part, role: PartRole(of: part, inside: path), pathInside: path, presence: .missing))
        }
        // A missing folder makes no part that could be backed up, but is reported.
        for mount in mounts.sorted(by: { $0.destination < $1.destination }) where mount.holdsState {
            let place: Part.Place
            if mount.type == "volume", let name = mount.name {
                place = .volume(name, at: nil)
            } else if mount.type == "bind" {
                place = .folder(FilePath(mount.source))
            } else {
                continue
            }
            let isCovered = found.contains { known in
                switch (known.part.place, place) {
                case (.volume(let one, _), .volume(let other, _)): one == other
                case (.folder(let one), .folder(let other)): other.starts(with: one)
                case (.entries(let folder, let named), .folder(let other)):
                    named.contains { other == folder.appending($0) }
                default: false
                }
            }
            guard !isCovered else { continue }
            if case .folder(let folder) = place, let status = try FileStatus.following(folder),
                status.kind != .folder
            {
                // A bound file is among the parts; a socket or a device is none.
                guard status.kind == .file, !own.isEmpty else { continue }
            }
            let wanted =
                mount.type == "volume" && !mount.isAnonymous
                ? mount.name ?? "" : FilePath(mount.destination).lastComponent?.string ?? "folder"
            let part = Part(name: Self.free(wanted, besides: found.map(\.part.name)), place: place)
            found.append(
                InventoryPart(
                    part: part, role: PartRole(of: part, inside: mount.destination),
                    pathInside: mount.destination,
                    presence: .missing))
        }
        return found
    }

    /// Returns the volumes among the mounts as parts. An anonymous one is named after its mount point: the container
    /// that replaces this one has another volume with another number, and it is the same part.
    func volumes(besides parts: [Part]) -> [Part] {
        var volumes: [Part] = []
        for mount in mounts.sorted(by: { $0.destination < $1.destination }) where mount.type == "volume" {
            guard let name = mount.name else { continue }
            let place = Part.Place.volume(name, at: nil)
            let all = parts + volumes
            guard !all.contains(where: { $0.place == place }) else { continue }
            let wanted =
                mount.isAnonymous ? FilePath(mount.destination).lastComponent?.string ?? name : name
            volumes.append(Part(name: Self.free(wanted, besides: all.map(\.name)), place: place))
        }
        return volumes
    }

    /// Returns the settings to remember for an adopted container: the place of its data on this host, and its ports.
    func adopted(_ container: DockerContainer) -> [SettingKey: JSONValue] {
        var found: [SettingKey: JSONValue] = [
            .container: .string(container.name), .containerId: .string(container.id),
        ]
        if let (mount, rest) = container.mount(holding: Self.dataFolder(of: container.variables)),
            mount.type == "bind"
        {
            found[.dataDir] = .string(FilePath(mount.source).appending(FilePath(rest).components).string)
        }
        for (key, port) in [(SettingKey.apiPort, DockerSpec.apiPort), (.adminPort, DockerSpec.adminPort)]
        where container.isKECS {
            if let outside = container.hostPort(of: port) { found[key] = .integer(Int64(outside)) }
        }
        return found
    }

    /// Returns the folder of a server's data inside its container, according to its environment: KECS's own variable,
    /// or a database by URL (`sqlite:///app/dev_assets/db.sqlite?mode=rwc`) or path.
    static func dataFolder(of variables: [String: String]) -> String {
        if let folder = variables["KECS_DATA_DIR"], folder.hasPrefix("/") { return folder }
        for name in ["DATABASE_URL", "MIMIR_DATABASE_PATH", "DATABASE_PATH"] {
            guard var text = variables[name] else { continue }
            if text.hasPrefix("sqlite:") {
                text = "/" + text.dropFirst("sqlite:".count).drop { $0 == "/" }.prefix { $0 != "?" }
            }
            if text.hasPrefix("/"), !text.contains("://") {
                return FilePath(text).removingLastComponent().string
            }
        }
        return DockerSpec.dataFolder
    }

    /// Returns the place of a container's data, as far as its mounts lead there.
    ///
    /// - Returns: A folder of this host, or a whole volume, whose folder is not looked up yet.
    /// - Throws: `Failure` when nothing outside of the container holds it, or a folder inside of a volume does.
    static func statePlace(
        of container: DockerContainer, _ instance: Instance, _ volumes: Volumes
    ) async throws -> Part.Place {
        let inside = dataFolder(of: container.variables)
        guard let (mount, rest) = container.mount(holding: inside), ["bind", "volume"].contains(mount.type)
        else { throw noMount(inside, of: container.name, instance) }
        let below = FilePath(rest).components
        guard mount.type == "volume", let name = mount.name else {
            return .folder(FilePath(mount.source).appending(below))
        }
        let folder = try await volumes.folder(of: name)
        if below.isEmpty { return .volume(name, at: folder) }
        guard let folder else {
            throw Failure(
                .failed, "the data of “\(instance.name)” cannot be reached",
                cause: "it lies in \(rest) of the docker volume \(name), which this user cannot open",
                remedy: "sudo kecsctl status \(instance.name)")
        }
        return .folder(folder.appending(below))
    }

    static func noMount(_ inside: String, of container: String, _ instance: Instance) -> Failure {
        Failure(
            .failed, "the data of “\(instance.name)” lies in no folder and no volume",
            cause: "nothing is mounted at \(inside) of “\(container)”: the data goes with the container",
            remedy: "docker cp \(container):\(inside)/. data")
    }

    static func part(for volume: VolumeMount, besides used: [String]) throws -> Part {
        if volume.isFolder {
            let folder = FilePath(volume.source)
            return Part(
                name: free(folder.lastComponent?.string ?? "folder", besides: used),
                place: try place(of: folder) ?? .folder(folder))
        }
        return Part(name: free(volume.source, besides: used), place: .volume(volume.source, at: nil))
    }

    /// Returns a bound folder, or a bound single file; nil for anything else, such as a socket.
    private static func place(of source: FilePath) throws -> Part.Place? {
        guard let status = try FileStatus.following(source) else { return nil }
        switch status.kind {
        case .folder: return .folder(source)
        case .file:
            guard let name = source.lastComponent?.string else { return nil }
            return .entries(of: source.removingLastComponent(), named: [name])
        default: return nil
        }
    }

    /// Returns a free name. A part's name is also a file's: letters, digits, `_`, `.` and `-`, and no other part has
    /// it.
    private static func free(_ wanted: String, besides used: [String]) -> String {
        var name = String(
            wanted.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) ? $0 : "-" })
        while name.hasPrefix(".") || name.hasPrefix("-") { name.removeFirst() }
        if name.isEmpty { name = "folder" }
        var number = 2
        var candidate = name
        while used.contains(candidate) {
            candidate = "\(name)-\(number)"
            number += 1
        }
        return candidate
    }
}

extension DockerContainer.Mount {
    /// False for things that a container borrows from the host: its devices, its programs, the engine's socket.
    var holdsState: Bool {
        if type == "volume" { return true }
        guard type == "bind" else { return false }
        let borrowed = [
            "/proc", "/sys", "/dev", "/run", "/var/run", "/lib", "/usr", "/etc", "/bin", "/sbin", "/boot",
        ]
        if ["/", "/home", "/root", "/var", "/tmp", "/var/lib/docker"].contains(source) { return false }
        return !borrowed.contains { source == $0 || source.hasPrefix($0 + "/") }
    }
}
