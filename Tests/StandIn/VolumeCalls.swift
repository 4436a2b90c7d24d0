// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// The calls `docker volume …`; a volume's bytes are a folder of the world.
struct VolumeCalls {
    let scene: Scene

    static func folder(of volume: String, in scene: Scene) -> FilePath {
        scene.folder.appending("volumes").appending(volume).appending("_data")
    }

    func run(_ verb: String, _ options: inout Options) -> Never {
        switch verb {
        case "create": create(&options)
        case "inspect": inspect(&options)
        case "rm": remove(&options)
        default: scene.unexpected("unknown command")
        }
    }

    private func create(_ options: inout Options) -> Never {
        var labels: [String: String] = [:]
        for pair in options.values("--label") {
            let words = pair.split(separator: "=", maxSplits: 1).map(String.init)
            labels[words[0]] = words.count == 2 ? words[1] : ""
        }
        guard let name = options.next() else { scene.unexpected("no name") }
        options.end()
        Self.make(name, labels, scene)
        _exit(scene.replay("volume-create", names: [("made", name)]))
    }

    /// Creates a volume. Does nothing when it exists.
    static func make(_ name: String, _ labels: [String: String], _ scene: Scene) {
        scene.change { world in
            guard !world.volumes.contains(where: { $0.name == name }) else { return }
            world.volumes.append(.init(name: name, labels: labels))
        }
        do { try folder(of: name, in: scene).createFolder(mode: 0o755) } catch {
            scene.unexpected("\(error)")
        }
    }

    private func inspect(_ options: inout Options) -> Never {
        guard let first = options.next() else { scene.unexpected("no name") }
        var names = [first]
        while let name = options.next() { names.append(name) }
        options.end()
        let all = scene.world.volumes
        let missing = names.filter { name in !all.contains { $0.name == name } }
        if names.count == 1, let name = missing.first {
            _exit(scene.replay("volume-inspect-missing", names: [("nope", name)]))
        }
        let found = names.compactMap { name in all.first { $0.name == name } }.map(inspected)
        scene.say(JSONValue.array(found).text() + "\n", to: 1)
        // docker shows the existing ones, and still ends with an error for the others.
        for name in missing { scene.say("Error: No such volume: \(name)\n", to: 2) }
        _exit(missing.isEmpty ? 0 : 1)
    }

    private func inspected(_ volume: World.Thing) -> JSONValue {
        guard
            case .object(var fields)? = try? JSONValue(parsing: scene.recorded("volume-inspect")).array?.first
        else { scene.unexpected("the recording is broken") }
        fields["Name"] = .string(volume.name)
        fields["Mountpoint"] = .string(Self.folder(of: volume.name, in: scene).string)
        fields["Labels"] = volume.labels.isEmpty ? .null : .object(volume.labels.mapValues { .string($0) })
        fields["Options"] = volume.options.isEmpty ? .null : .object(volume.options.mapValues { .string($0) })
        return .object(fields)
    }

    private func remove(_ options: inout Options) -> Never {
        guard let name = options.next() else { scene.unexpected("no name") }
        options.end()
        let world = scene.world
        guard world.volumes.contains(where: { $0.name == name }) else {
            _exit(scene.replay("volume-rm-missing", names: [("nope", name)]))
        }
        if world.containers.contains(where: { $0.mounts.contains { $0.name == name } }) {
            _exit(scene.replay("volume-rm-in-use", names: [("repos", name)]))
        }
        scene.change { $0.volumes.removeAll { $0.name == name } }
        let folder = Self.folder(of: name, in: scene).removingLastComponent()
        _ = try? folder.removeTree()
        _exit(scene.replay("volume-rm", names: [("made", name)]))
    }
}

/// The calls `docker image …`; nothing is ever pulled.
struct ImageCalls {
    let scene: Scene

    func run(_ verb: String, _ options: inout Options) -> Never {
        switch verb {
        case "ls":
            guard options.flag("--quiet"), options.flag("--no-trunc") else {
                scene.unexpected("another form")
            }
            options.end()
            for image in scene.world.images { scene.say(image.id + "\n", to: 1) }
            _exit(0)
        case "inspect":
            guard let name = options.next() else { scene.unexpected("no name") }
            options.end()
            guard let image = scene.world.image(name),
                case .object(var fields)? = try? JSONValue(parsing: scene.recorded("image-inspect")).array?
                    .first
            else { _exit(scene.replay("image-inspect-missing", names: [("nope:1", name)])) }
            fields["Id"] = .string(image.id)
            fields["RepoTags"] = .array(image.tags.map(JSONValue.string))
            scene.say(JSONValue.array([.object(fields)]).text() + "\n", to: 1)
            _exit(0)
        case "pull": _exit(scene.replay("image-pull-failed"))
        default: scene.unexpected("unknown command")
        }
    }
}

extension World {
    func image(_ name: String) -> Image? { images.first { $0.id == name || $0.tags.contains(name) } }
}
