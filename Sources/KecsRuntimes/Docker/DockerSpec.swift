// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The container that an instance's settings describe: everything that is decided without asking the engine.
struct DockerSpec: Hashable, Sendable {
    /// The ports and paths inside the container, as in the container-mode guide.
    static let apiPort = 8080
    static let adminPort = 8081
    static let dataFolder = "/data"
    static let defaultImage = "ghcr.io/nandemo-ya/kecs:latest"
    /// The user that the image runs as by default.
    static let defaultOwner = DockerOwner(user: 65532, group: 65532)

    var container: String
    /// True when `--container` was given: the container was made elsewhere, and is never made or removed here unless an
    /// image is given too.
    var isAdopted: Bool
    var image: String
    var address: String
    var apiPort: Int?
    var adminPort: Int?
    var data: FilePath
    var owner: DockerOwner
    /// True when the owner was given: the container then runs as this user.
    var isOwnerGiven: Bool
    var volumes: [VolumeMount]

    /// - Throws: `Failure(.usage)` for settings that no container can be made of.
    init(_ instance: Instance) throws(Failure) {
        let settings = instance.settings
        let name = try settings.text(.container)
        container = name ?? "kecs-\(instance.name)"
        guard Self.isContainerName(container) else {
            throw Failure(
                .usage, "“\(container)” cannot be the name of a container",
                cause:
                    "it has 2 to 128 letters, digits, dots, hyphens and underscores, and starts with a letter or digit",
                remedy: instance.whereSettingsComeFrom)
        }
        let given = try settings.text(.image)
        isAdopted = name != nil && given == nil
        image = given ?? Self.defaultImage
        guard Self.isImageName(image) else {
            throw Failure(
                .usage, "“\(image)” cannot be the name of an image",
                cause: "it is written HOST/NAME:TAG, in lower case but for the tag",
                remedy: "kecsctl start \(instance.name) --runtime docker --image \(Self.defaultImage)")
        }
        address = try settings.text(.address) ?? "127.0.0.1"
        apiPort = try settings.number(.apiPort)
        adminPort = try settings.number(.adminPort)
        if let apiPort, apiPort == adminPort {
            throw Failure(
                .usage, "the API and the admin port of “\(instance.name)” are both \(apiPort)",
                remedy: "kecsctl start \(instance.name) \(Remedy.otherPorts(than: apiPort))")
        }
        data = try instance.dataFolder()
        guard data.isAbsolute else {
            throw Failure(
                .usage, "the data folder of “\(instance.name)” is the relative path “\(data)”",
                cause: "docker would bind another folder, or make a volume of that name",
                remedy: "kecsctl config set dataDir --unset --instance \(instance.name)")
        }
        let owner = try settings.text(.owner)
        isOwnerGiven = owner != nil
        self.owner = try owner.map { text throws(Failure) in try DockerOwner(text) } ?? Self.defaultOwner
        volumes = try VolumeMount.list(try settings.text(.volumes) ?? "")
    }

    /// True when the image is KECS's own, which runs as the user of distroless images.
    var isKECS: Bool { DockerContainer.isKECS(image: image) }

    /// Returns the arguments of `docker container create`.
    ///
    /// - Parameter socket: The engine's own, for k3d inside, with the group that may use it.
    func arguments(for instance: Instance, socket: (path: FilePath, group: UInt32)?) -> [String] {
        var words: [String] = []
        if isOwnerGiven { words += ["--user", "\(owner)"] }
        for (outside, inside) in [(apiPort, Self.apiPort), (adminPort, Self.adminPort)] {
            guard let outside else { continue }
            let host = address.contains(":") ? "[\(address)]" : address
            words += ["--publish", "\(host):\(outside):\(inside)"]
        }
        words += ["--env", "KECS_CONTAINER_MODE=true", "--env", "KECS_DATA_DIR=\(Self.dataFolder)"]
        // `--mount` refuses a folder that is missing; `--volume` would make one that belongs to root.
        words += ["--mount", VolumeMount.bind(data.string, Self.dataFolder)]
        for volume in volumes { words += ["--mount", volume.argument] }
        if let socket {
            words += ["--mount", VolumeMount.bind(socket.path.string, "/var/run/docker.sock")]
            words += ["--group-add", "\(socket.group)"]
        }
        let digest = sha256(Array((words + [image]).joined(separator: "\0").utf8))
        return [
            "--name", container, "--label", "\(DockerLabel.instance)=\(instance.name)", "--label",
            "\(DockerLabel.id)=\(instance.config.id)", "--label", "\(DockerLabel.spec)=\(digest)",
            "--restart",
            "unless-stopped",
        ] + words + [image]
    }

    /// moby, `daemon/names/names.go`.
    private static func isContainerName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (2...128).contains(bytes.count), bytes[0].isLetterOrDigit else { return false }
        return bytes.allSatisfy { $0.isLetterOrDigit || "_.-".utf8.contains($0) }
    }

    /// Returns true for an image's name, by coarser rules than distribution's grammar: refuses a text that could be
    /// read as an option, or that holds characters which no reference may have.
    private static func isImageName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 4096, first.isLetterOrDigit else { return false }
        return bytes.allSatisfy { $0.isLetterOrDigit || "_.-/:@".utf8.contains($0) }
            && !text.hasSuffix(":") && !text.hasSuffix("/")
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}

/// Numeric user and group: `65532:65532`; a user alone has the group of the same number.
struct DockerOwner: Hashable, Sendable, CustomStringConvertible {
    var user: UInt32
    var group: UInt32

    init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }

    init(_ text: String) throws(Failure) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt32($0) }
        guard (1...2).contains(parts.count), numbers.count == parts.count, let user = numbers.first,
            let group = numbers.last
        else {
            throw Failure(
                .usage, "“\(text)” is no owner", cause: "it is written UID or UID:GID, in numbers",
                remedy: "kecsctl config show --origin")
        }
        self.init(user: user, group: group)
    }

    var description: String { "\(user):\(group)" }
}
