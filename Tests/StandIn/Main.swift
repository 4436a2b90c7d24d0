// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// `standin FOLDER TOOL ARGUMENT…` behaves like the recorded k3d 5.9, kubectl 1.32 or docker 20.10/28. It keeps a world
/// in FOLDER between calls. Only for tests.
@main
enum Main {
    static func main() {
        let words = CommandLine.arguments
        guard words.count >= 3 else { exit(2) }
        let scene = Scene(folder: FilePath(words[1]), tool: words[2], arguments: Array(words.dropFirst(3)))
        // The engine's own work.
        switch words[2] {
        case "serve": Server(scene: scene, container: words[3]).run()
        case "init":
            do { try World(createMilliseconds: 1500, rolloutQuestions: 1).write(to: scene.folder) } catch {
                scene.say("standin: \(error)\n", to: 2)
            }
            exit(0)
        case "end": Engine(scene: scene).end(words.dropFirst(3))
        default: break
        }
        scene.meetFaults()
        switch words[2] {
        case "k3d": K3dTool(scene: scene).run()
        case "kubectl": KubectlTool(scene: scene).run()
        case "docker": DockerTool(scene: scene).run()
        default: scene.unexpected("no such tool")
        }
    }
}
