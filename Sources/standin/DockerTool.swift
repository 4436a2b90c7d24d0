// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsStorage
import SystemPackage

struct DockerTool {
    let scene: Scene

    func run() -> Never {
        let world = scene.world
        let words = scene.arguments
        if world.docker == "down" { _exit(scene.replay("51-dockerdown-docker-ps")) }
        if world.docker == "forbidden" {
            scene.say(
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
                to: 2)
            _exit(1)
        }
        switch words {
        case ["ps", "-a", "--no-trunc", "--format", "{{json .}}"]:
            for container in world.containers {
                print(
                    "75-docker-ps-json",
                    [
                        "Names": .string(container.name), "Labels": .string(joined(container.labels)),
                        "State": .string(container.status),
                    ])
            }
        case ["network", "ls", "--no-trunc", "--format", "{{json .}}"]:
            for network in world.networks {
                print(
                    "75g-docker-network-ls-json",
                    ["Name": .string(network.name), "Labels": .string(joined(network.labels))])
            }
        case ["volume", "ls", "--format", "{{json .}}"]:
            for volume in world.volumes {
                print(
                    "75f-docker-volume-ls-json",
                    ["Name": .string(volume.name), "Labels": .string(joined(volume.labels))])
            }
        default:
            act(words)
        }
        _exit(0)
    }

    private func act(_ words: [String]) {
        guard words.count >= 2 else { scene.unexpected("unknown command") }
        switch (words[0], words[1]) {
        case ("network", "rm"), ("volume", "rm"):
            guard words.count == 3 else { scene.unexpected("one name") }
            let isNetwork = words[0] == "network"
            let found = scene.change { world -> Bool in
                let before = world.networks.count + world.volumes.count
                if isNetwork {
                    world.networks.removeAll { $0.name == words[2] }
                } else {
                    world.volumes.removeAll { $0.name == words[2] }
                }
                return before != world.networks.count + world.volumes.count
            }
            guard found else {
                scene.say("Error response from daemon: get \(words[2]): no such \(words[0])\n", to: 2)
                _exit(1)
            }
            scene.say(words[2] + "\n", to: 1)
        case ("pause", _), ("unpause", _):
            let (from, to) = words[0] == "pause" ? ("running", "paused") : ("paused", "running")
            for name in words.dropFirst() {
                let done = scene.change { world -> Bool in
                    guard
                        let index = world.containers.firstIndex(where: {
                            $0.name == name && $0.status == from
                        })
                    else { return false }
                    world.containers[index].status = to
                    return true
                }
                guard done else {
                    scene.say("Error response from daemon: Container \(name) is not \(from)\n", to: 2)
                    _exit(1)
                }
                scene.say(name + "\n", to: 1)
            }
        default: scene.unexpected("unknown command")
        }
    }

    /// The first recorded object with other values: unknown fields stay what they were.
    private func print(_ recording: String, _ changes: [String: JSONValue]) {
        let line = scene.recorded(recording).split(separator: "\n").first.map(String.init) ?? ""
        guard case .object(var fields)? = try? JSONValue(parsing: line) else {
            scene.unexpected("the recording is broken")
        }
        for (name, value) in changes { fields[name] = value }
        scene.say(JSONValue.object(fields).text() + "\n", to: 1)
    }

    private func joined(_ labels: [String: String]) -> String {
        labels.shuffled().map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
