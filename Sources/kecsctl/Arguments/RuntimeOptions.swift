// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import SystemPackage

/// What the runtimes want to know. What is given is written into the instance's configuration and holds from then on.
struct RuntimeOptions: ParsableArguments {
    @Option(help: "local: the server's command line, run without a shell.")
    var command: String?

    @Option(
        help: ArgumentHelp("What answers when it is healthy; “none”: nothing is asked.", valueName: "url"))
    var healthUrl: String?

    @Option(help: ArgumentHelp("Of the API, 1 to 65535; else a free one is chosen.", valueName: "port"))
    var apiPort: Int?

    @Option(help: ArgumentHelp("Of the admin API, likewise.", valueName: "port"))
    var adminPort: Int?

    @Option(help: ArgumentHelp("docker: what the container is made of.", valueName: "ref"))
    var image: String?

    @Option(
        help: ArgumentHelp(
            "docker: an existing container to use as it is; its mounts become parts.", valueName: "name"))
    var container: String?

    @Option(
        help: ArgumentHelp(
            "docker: a volume or a folder, and where the container has it; again for more.",
            valueName: "name:path"))
    var volume: [String] = []

    @Option(
        help: ArgumentHelp(
            "docker: whom the data folder belongs to and the server runs as.", valueName: "uid[:gid]"))
    var owner: String?

    @Option(help: ArgumentHelp("docker: where the ports listen; else 127.0.0.1.", valueName: "ip"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "compose: the project's file, as with -f of docker compose; again for more. Without it, the files that the "
                + "running containers were made from, COMPOSE_FILE, or what lies in this folder or above.",
            valueName: "file"))
    var composeFile: [PathArgument] = []

    @Option(
        help: ArgumentHelp(
            "compose: also run the services of this profile; again for more (else COMPOSE_PROFILES).",
            valueName: "name"))
    var profile: [String] = []

    @Option(help: ArgumentHelp("compose: the service that is the control plane.", valueName: "name"))
    var service: String?

    @Option(
        help: ArgumentHelp("compose: only volumes with this label are parts.", valueName: "key=value"))
    var volumeLabel: String?

    @Option(help: ArgumentHelp("k3d: what the cluster's nodes are made of.", valueName: "ref"))
    var k3sImage: String?

    @Option(help: ArgumentHelp("k3d: nodes besides the server.", valueName: "n"))
    var agents: Int?

    @Option(
        help: ArgumentHelp(
            "k3d: what stands beside the control plane: postgres (which upstream's image needs and gets), localstack, "
                + "traefik, vector; or none. Can be repeated. A cluster that is there keeps what it has.",
            valueName: "name"),
        completion: .list(["postgres", "localstack", "traefik", "vector", "none"]))
    var component: [String] = []

    /// Only what was given.
    func settings(_ session: Session) throws -> [SettingKey: String] {
        var settings: [SettingKey: String] = [:]
        settings[.command] = command
        settings[.healthUrl] = healthUrl
        settings[.image] = image
        settings[.container] = container
        settings[.volumes] = volume.isEmpty ? nil : volume.joined(separator: ",")
        settings[.owner] = owner
        settings[.address] = address
        settings[.composeFile] =
            composeFile.isEmpty
            ? nil : try composeFile.map { try $0.path(session).string }.joined(separator: ":")
        settings[.composeProfiles] = profile.isEmpty ? nil : profile.joined(separator: ",")
        settings[.composeService] = service
        settings[.volumeLabel] = volumeLabel
        settings[.k3sImage] = k3sImage
        settings[.components] = component.isEmpty ? nil : component.joined(separator: ",")
        settings[.agents] = agents.map(String.init)
        settings[.apiPort] = apiPort.map(String.init)
        settings[.adminPort] = adminPort.map(String.init)
        return settings
    }
}
