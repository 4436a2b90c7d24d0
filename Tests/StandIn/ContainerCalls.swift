// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// The calls `docker container …` on one container.
struct ContainerCalls {
    let scene: Scene

    func run(_ verb: String, _ given: Options) -> Never {
        var options = given
        switch verb {
        case "inspect": inspect(&options)
        case "create":
            let container = make(&options)
            scene.say(container.id + "\n", to: 1)
            _exit(0)
        case "start": start(&options)
        case "stop": stop(&options)
        case "pause", "unpause": pause(verb, &options)
        case "rename": rename(&options)
        case "rm": remove(&options)
        case "exec": execute()
        case "run": runToEnd(&options)
        case "logs": logs(&options)
        case "cp": copy()
        default: scene.unexpected("unknown command")
        }
    }

    /// Finds a container by its id or its name; ends with docker's complaint when there is none.
    private func find(_ word: String?, orReplay recording: String) -> World.Container {
        guard let word else { scene.unexpected("no name") }
        guard let found = scene.world.containers.first(where: { $0.dockerID == word || $0.name == word })
        else {
            _exit(scene.replay(recording, names: [("nope", word)]))
        }
        return found
    }

    private func change(_ container: World.Container, _ body: (inout World.Container) -> Void) {
        scene.change { world in
            for index in world.containers.indices where world.containers[index].name == container.name {
                body(&world.containers[index])
            }
        }
    }

    private static let recordedID = "81b185e55801934aa75912637ee7723030d2b5134494645e6001fc61f630e46c"

    // MARK: Inspect

    private func inspect(_ options: inout Options) -> Never {
        var found: [JSONValue] = []
        var missing: [String] = []
        while let word = options.next() {
            if let container = scene.world.containers.first(where: { $0.dockerID == word || $0.name == word })
            {
                found.append(describe(container))
            } else {
                missing.append(word)
            }
        }
        options.end()
        // docker prints the objects that it found, and then complains.
        scene.say(JSONValue.array(found).text(pretty: true), to: 1)
        for word in missing { scene.say("Error response from daemon: No such container: \(word)\n", to: 2) }
        _exit(missing.isEmpty ? 0 : 1)
    }

    /// Returns the recorded object with other values.
    private func describe(_ container: World.Container) -> JSONValue {
        let isUp = ["running", "paused"].contains(container.status)
        guard
            let recorded = try? JSONValue(
                parsing: scene.recorded(isUp ? "container-inspect" : "container-inspect-stopped")
            ).array?.first
        else { scene.unexpected("the recording is broken") }
        var ports: [String: JSONValue] = [:]
        for port in container.ports {
            ports["\(port.inner)/tcp"] = [
                ["HostIp": .string(port.address), "HostPort": .string("\(port.host)")]
            ]
        }
        let mounts = container.mounts.map { mount -> JSONValue in
            var fields: [String: JSONValue] = [
                "Type": .string(mount.type), "Source": .string(mount.source),
                "Destination": .string(mount.target),
                "Mode": "z", "RW": .bool(mount.isWritable), "Propagation": "",
            ]
            if mount.type == "volume" {
                fields["Name"] = .string(mount.name)
                fields["Driver"] = "local"
            }
            return .object(fields)
        }
        var changed = recorded.merging([
            "Id": .string(container.dockerID), "Name": .string("/" + container.name),
            "Image": .string(container.image),
            "State": [
                "Status": .string(container.status), "Running": .bool(isUp),
                "Paused": .bool(container.status == "paused"), "Pid": .integer(Int64(container.pid)),
                "FinishedAt": .string(container.finishedAt),
            ],
            "HostConfig": ["RestartPolicy": ["Name": .string(container.restart)]],
            "Config": ["Env": .array(container.variables.map(JSONValue.string))],
            "Mounts": .array(mounts),
        ])
        // These values replace the recorded ones, they are not added to them.
        if case .object(var fields) = changed, case .object(var config)? = fields["Config"],
            case .object(var host)? = fields["HostConfig"]
        {
            config["Labels"] = .object(container.labels.mapValues { .string($0) })
            host["PortBindings"] = .object(ports)
            fields["NetworkSettings"] = .object(["Ports": .object(isUp ? ports : [:])])
            fields["Config"] = .object(config)
            fields["HostConfig"] = .object(host)
            changed = .object(fields)
        }
        return changed
    }

    // MARK: Make

    private func make(_ options: inout Options) -> World.Container {
        let name = options.value("--name") ?? ""
        var container = World.Container(name: name, status: "created")
        for pair in options.values("--label") {
            let words = pair.split(separator: "=", maxSplits: 1).map(String.init)
            container.labels[words[0]] = words.count == 2 ? words[1] : ""
        }
        container.restart = options.value("--restart") ?? "no"
        container.variables = options.values("--env")
        for flag in ["--user", "--group-add", "--network", "--entrypoint"] { _ = options.values(flag) }
        _ = options.flag("--rm")
        for text in options.values("--publish") {
            let words = text.split(separator: ":").map(String.init)
            guard words.count == 3, let host = Int(words[1]), let inner = Int(words[2]) else {
                scene.unexpected("the port \(text)")
            }
            container.ports.append(.init(address: words[0], host: host, inner: inner))
        }
        for text in options.values("--mount") { container.mounts.append(mount(text)) }
        container.image = options.next() ?? ""
        guard let image = scene.world.image(container.image) else {
            _exit(scene.replay("container-create-image-missing", names: [("nope:1", container.image)]))
        }
        if let other = scene.world.containers.first(where: { $0.name == name }) {
            _exit(
                scene.replay(
                    "container-create-conflict",
                    names: [("kecs-dev", name), (Self.recordedID, other.dockerID)]))
        }
        for mount in container.mounts where mount.type == "volume" {
            VolumeCalls.make(mount.name, [:], scene)
        }
        container.image = image.id
        container.id = digits(of: name + image.id + "\(getpid())")
        let made = container
        scene.change { $0.containers.append(made) }
        return made
    }

    /// Returns 64 hexadecimal digits, different for each call.
    private func digits(of text: String) -> String {
        var digits = ""
        var hash: UInt64 = 14_695_981_039_346_656_037
        while digits.count < 64 {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
            let part = String(hash, radix: 16)
            digits += String(repeating: "0", count: 16 - part.count) + part
        }
        return digits
    }

    private func mount(_ text: String) -> World.Container.Mount {
        var facts: [String: String] = [:]
        for field in text.split(separator: ",") {
            let words = field.split(separator: "=", maxSplits: 1).map(String.init)
            facts[words[0]] = words.count == 2 ? words[1] : "true"
        }
        let source = facts["source"] ?? "", target = facts["target"] ?? ""
        guard facts["type"] == "bind" else {
            return .init(
                type: "volume", name: source, source: VolumeCalls.folder(of: source, in: scene).string,
                target: target, isWritable: facts["readonly"] == nil)
        }
        guard isThere(FilePath(source)) else {
            _exit(scene.replay("container-create-bind-missing", names: [("/nonexistent/data", source)]))
        }
        return .init(type: "bind", source: source, target: target, isWritable: facts["readonly"] == nil)
    }

    private func rename(_ options: inout Options) -> Never {
        let container = find(options.next(), orReplay: "container-rename-missing")
        guard let name = options.next() else { scene.unexpected("no new name") }
        options.end()
        if let other = scene.world.containers.first(where: { $0.name == name }) {
            _exit(
                scene.replay(
                    "container-rename-conflict",
                    names: [("kecs-dev", name), (Self.recordedID, other.dockerID)]))
        }
        change(container) { $0.name = name }
        _exit(scene.replay("container-rename"))
    }

    private func remove(_ options: inout Options) -> Never {
        guard options.flag("--force") else { scene.unexpected("without --force") }
        _ = options.flag("--volumes")
        let container = find(options.next(), orReplay: "container-rm-missing")
        options.end()
        Engine(scene: scene).stop([container.name])
        scene.change { $0.containers.removeAll { $0.name == container.name } }
        _exit(scene.replay("container-rm", names: [("talker2", container.dockerID)]))
    }

    // MARK: Start and stop

    private func start(_ options: inout Options) -> Never {
        let word = options.next() ?? ""
        let container = find(word, orReplay: "container-start-missing")
        options.end()
        switch container.status {
        case "running": _exit(scene.replay("container-start-running", names: [("kecs-dev", word)]))
        case "paused": _exit(scene.replay("container-start-paused", names: [("kecs-dev", word)]))
        default: break
        }
        change(container) {
            $0.status = "running"
            $0.runs += 1
        }
        guard Engine(scene: scene).serve(container) else {
            change(container) { $0.status = "created" }
            _exit(
                scene.replay(
                    "container-start-port-taken",
                    names: [("taken", word), ("18080", "\(container.ports.first?.host ?? 0)")]))
        }
        _exit(scene.replay("container-start", names: [("kecs-dev", word)]))
    }

    private func stop(_ options: inout Options) -> Never {
        _ = options.value("--time")
        let word = options.next() ?? ""
        let container = find(word, orReplay: "container-stop-missing")
        options.end()
        guard ["running", "paused"].contains(container.status) else {
            _exit(scene.replay("container-stop-stopped", names: [("kecs-dev", word)]))
        }
        Engine(scene: scene).stop([container.name])
        _exit(scene.replay("container-stop", names: [("kecs-dev", word)]))
    }

    private func pause(_ verb: String, _ options: inout Options) -> Never {
        let word = options.next() ?? ""
        let container = find(word, orReplay: "container-pause-missing")
        options.end()
        let names = [(Self.recordedID, container.dockerID), ("kecs-dev", word)]
        switch (verb, container.status) {
        case ("pause", "running"):
            change(container) { $0.status = "paused" }
            _exit(scene.replay("container-pause", names: names))
        case ("unpause", "paused"):
            change(container) { $0.status = "running" }
            _exit(scene.replay("container-unpause", names: names))
        case ("pause", "paused"): _exit(scene.replay("container-pause-paused", names: names))
        case ("pause", _): _exit(scene.replay("container-pause-stopped", names: names))
        default: _exit(scene.replay("container-unpause-running", names: names))
        }
    }

    // MARK: Inside

    /// Performs `exec CONTAINER PROGRAM ARGUMENT…`, with the folders of this host that are mounted.
    private func execute() -> Never {
        let words = Array(scene.arguments.dropFirst(2))
        let container = find(words.first, orReplay: "container-exec-missing")
        let names = [(Self.recordedID, container.dockerID), ("kecs-dev", container.name)]
        if container.status == "paused" { _exit(scene.replay("container-exec-paused", names: names)) }
        guard container.status == "running" else {
            _exit(scene.replay("container-exec-stopped", names: names))
        }
        guard words.count > 1, scene.world.image(container.image)?.programs.contains(words[1]) == true else {
            _exit(
                scene.replay(
                    "container-exec-program-missing", names: [("nope", words.dropFirst().first ?? "")]))
        }
        exec(words.dropFirst().map { hostPath($0, in: container) })
    }

    private func runToEnd(_ options: inout Options) -> Never {
        let program = options.value("--entrypoint") ?? ""
        let container = make(&options)
        let name = FilePath(program).lastComponent?.string ?? ""
        let isBound = container.mounts.contains { program.hasPrefix($0.target + "/") }
        let rest = scene.arguments.drop { scene.world.image($0)?.id != container.image }.dropFirst()
        guard isBound || scene.world.image(container.image)?.programs.contains(name) == true else {
            scene.change { $0.containers.removeAll { $0.name == container.name } }
            _exit(scene.replay("container-run-no-program", names: [("/bin/nope", program)]))
        }
        // The program sees this host; only the container's own paths are replaced.
        exec(
            [name]
                + rest.map { word in
                    container.mounts.reduce(word) { text, mount in
                        mount.type == "volume" ? text.replacing(mount.target, with: mount.source) : text
                    }
                })
    }

    /// Returns the path on this host for a path in the container; other words unchanged.
    private func hostPath(_ word: String, in container: World.Container) -> String {
        for mount in container.mounts.sorted(by: { $0.target.count > $1.target.count })
        where word == mount.target || word.hasPrefix(mount.target + "/") {
            return mount.source + word.dropFirst(mount.target.count)
        }
        return word
    }

    private func exec(_ words: [String]) -> Never {
        var argv = words.map { strdup($0) } + [nil]
        execvp(words[0], &argv)
        scene.unexpected("\(words[0]) cannot be run here")
    }

    // MARK: Streams

    private func logs(_ options: inout Options) -> Never {
        let tail = options.value("--tail").flatMap { Int($0) }
        _ = options.value("--since")
        let follows = options.flag("--follow")
        let container = find(options.next(), orReplay: "container-logs-missing")
        options.end()
        guard let tail else { scene.unexpected("no --tail") }
        func last(_ text: String) -> String {
            text.split(separator: "\n").suffix(tail).map { $0 + "\n" }.joined()
        }
        scene.say(last(container.output), to: 1)
        scene.say(last(container.errors), to: 2)
        // Follows until the container ends.
        while follows,
            scene.world.containers.contains(where: { $0.name == container.name && $0.status == "running" })
        {
            usleep(20_000)
        }
        _exit(0)
    }

    /// Performs `cp CONTAINER:/PATH/. -` and `cp - CONTAINER:/PATH`: tar streams.
    private func copy() -> Never {
        let words = scene.arguments.dropFirst(2).filter { $0 != "--follow-link" }
        guard words.count == 2, let place = words.first(where: { $0 != "-" }),
            let colon = place.firstIndex(of: ":")
        else { scene.unexpected("another way to copy") }
        let container = find(String(place[..<colon]), orReplay: "container-cp-no-container")
        let inside = String(place[place.index(after: colon)...])
        let folder = hostPath(inside, in: container)
        // A path without a mount is the image's own, which is not in the world.
        guard folder != inside, isThere(FilePath(folder)) else {
            _exit(
                scene.replay(
                    "container-cp-out-missing", names: [("/nowhere/.", folder), ("kecs-dev", container.name)])
            )
        }
        exec(
            words[0] == "-"
                ? ["tar", "-C", folder, "--numeric-owner", "-x"]
                : ["tar", "-C", folder, "--numeric-owner", "-c", "."])
    }
}
