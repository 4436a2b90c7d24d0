// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// docker 28 with an engine 20.10, as recorded in `Tests/Fixtures/docker-28`.
struct DockerTool {
    let scene: Scene

    func run() -> Never {
        let words = scene.arguments
        if words.prefix(2) == ["context", "inspect"] {
            scene.say((Scene.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock") + "\n", to: 1)
            _exit(0)
        }
        switch scene.world.docker {
        case "down":
            let isInspect = words.dropFirst().first == "inspect"
            _exit(
                scene.replay(
                    isInspect ? "down-inspect" : "down-container-ls",
                    names: [("/tmp/kecs-record/nope.sock", "/var/run/docker.sock")]))
        case "forbidden":
            if words.dropFirst().first == "inspect" { scene.say("[]\n", to: 1) }
            scene.say(
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
                to: 2)
            _exit(1)
        default: break
        }
        var options = Options(words.dropFirst(2), scene: scene)
        switch words.prefix(2).joined(separator: " ") {
        case "version --format": scene.say("20.10.24+dfsg1\n", to: 1)
        case "info --format": info(words[2])
        case "container ls": listContainers(&options)
        case "network ls":
            guard options.flag("--no-trunc") else { scene.unexpected("short ids") }
            list(scene.world.networks.map { ($0.name, $0.name, $0.labels) }, &options)
        case "volume ls": list(scene.world.volumes.map { ($0.name, $0.name, $0.labels) }, &options)
        case "network rm": removeNetwork(&options)
        case "network inspect":
            guard options.next() == "bridge" else { scene.unexpected("another network") }
            options.end()
            scene.say("[{\"Name\":\"bridge\",\"Created\":\"\(scene.world.engineStart)\"}]\n", to: 1)
        case "system df": diskUsage()
        default:
            if words.first == "events" { events() }
            if words.first == "volume" {
                VolumeCalls(scene: scene).run(words.dropFirst().first ?? "", &options)
            }
            if words.first == "image" {
                ImageCalls(scene: scene).run(words.dropFirst().first ?? "", &options)
            }
            guard words.first == "container" else { scene.unexpected("unknown command") }
            ContainerCalls(scene: scene).run(words.dropFirst().first ?? "", options)
        }
        _exit(0)
    }

    private func info(_ format: String) {
        switch format {
        case "{{.ID}} {{.KernelVersion}} {{.DockerRootDir}}":
            var facts = utsname()
            uname(&facts)
            let release = withUnsafeBytes(of: &facts.release) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            scene.say("STAND:IN:ID \(release) \(scene.engineRoot)\n", to: 1)
        default: scene.unexpected("another format")
        }
    }

    private func diskUsage() {
        guard scene.arguments == ["system", "df", "--verbose", "--format", "{{json .Volumes}}"] else {
            scene.unexpected("another way to ask")
        }
        let world = scene.world
        let volumes = world.volumes.map { volume -> JSONValue in
            ["Name": .string(volume.name), "Size": .string(world.volumeSizes[volume.name] ?? "N/A")]
        }
        scene.say(JSONValue.array(volumes).text() + "\n", to: 1)
    }

    /// Prints the recorded events, which are only ends of containers.
    private func events() -> Never {
        var options = Options(scene.arguments.dropFirst(), scene: scene)
        let since = options.value("--since").flatMap { Int64($0) } ?? 0
        let until = options.value("--until").flatMap { Int64($0) } ?? 0
        let filters = options.values("--filter")
        guard options.value("--format") == "{{.TimeNano}}", filters.contains("event=die") else {
            scene.unexpected("another way to ask for events")
        }
        options.end()
        for (id, time) in scene.world.deaths where filters.contains("container=\(id)") {
            if time / 1_000_000_000 >= since, time / 1_000_000_000 <= until { scene.say("\(time)\n", to: 1) }
        }
        _exit(0)
    }

    // MARK: Lists

    private func listContainers(_ options: inout Options) {
        guard options.flag("--all"), options.flag("--no-trunc") else {
            scene.unexpected("not all, or short ids")
        }
        let containers = scene.world.containers
        guard options.flag("--quiet") else {
            return list(containers.map { ($0.dockerID, $0.name, $0.labels) }, &options)
        }
        let filter = options.value("--filter") ?? ""
        options.end()
        for container in containers
        where container.labels.contains(where: { filter == "label=\($0.key)=\($0.value)" }) {
            scene.say(container.dockerID + "\n", to: 1)
        }
    }

    private func list(
        _ things: [(id: String, name: String, labels: [String: String])], _ options: inout Options
    ) {
        let columns = (options.value("--format") ?? "").split(separator: "\t").map(String.init)
        options.end()
        for thing in things {
            let fields = columns.map { column -> String in
                switch column {
                case "{{.ID}}": return thing.id
                case "{{.Name}}", "{{.Names}}": return thing.name
                default:
                    guard column.hasPrefix("{{.Label \""), column.hasSuffix("\"}}") else {
                        scene.unexpected("the column \(column)")
                    }
                    return thing.labels[String(column.dropFirst("{{.Label \"".count).dropLast(3))] ?? ""
                }
            }
            scene.say(fields.joined(separator: "\t") + "\n", to: 1)
        }
    }

    private func removeNetwork(_ options: inout Options) {
        guard let name = options.next() else { scene.unexpected("no name") }
        options.end()
        let found = scene.change { world -> Bool in
            let before = world.networks.count
            world.networks.removeAll { $0.name == name }
            return before != world.networks.count
        }
        _exit(
            scene.replay(
                found ? "network-rm" : "network-rm-missing", names: [("k3d-x", name), ("nope", name)]))
    }
}

extension World.Container {
    var dockerID: String { id.isEmpty ? name : id }
    var run: String { "\(dockerID)#\(runs)" }
}
