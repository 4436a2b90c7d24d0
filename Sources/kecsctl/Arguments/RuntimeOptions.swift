// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import SystemPackage

/// The options for the runtimes. Given values are saved in the instance's configuration and stay in effect.
struct RuntimeOptions: ParsableArguments {
    @Option(help: "local: the server's command line. It is run without a shell.")
    var command: String?

    @Option(
        help: ArgumentHelp(
            "The URL that answers when the server is healthy; “none” turns the check off.", valueName: "url"))
    var healthUrl: String?

    @Option(help: ArgumentHelp("The port of the API, 1 to 65535 (default: a free one).", valueName: "port"))
    var apiPort: Int?

    @Option(
        help: ArgumentHelp("The port of the admin API, 1 to 65535 (default: a free one).", valueName: "port"))
    var adminPort: Int?

    @Option(help: ArgumentHelp("docker: the container's image.", valueName: "ref"))
    var image: String?

    @Option(
        help: ArgumentHelp(
            "docker: use this existing container as it is. Its mounts become parts.", valueName: "name"))
    var container: String?

    @Option(
        help: ArgumentHelp(
            "docker: a volume or folder and its path in the container. May be given again.",
            valueName: "name:path"))
    var volume: [String] = []

    @Option(
        help: ArgumentHelp(
            "docker: the owner of the data folder and user of the server.", valueName: "uid[:gid]"))
    var owner: String?

    @Option(
        help: ArgumentHelp(
            "docker: the address that the ports are published on (default: 127.0.0.1).", valueName: "ip"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "compose: the project's file, as with -f of docker compose; again for more. Without it, the files that the "
                + "running containers were made from, COMPOSE_FILE, or what lies in this folder or above.",
            valueName: "file"))
    var composeFile: [PathArgument] = []

    @Option(
        help: ArgumentHelp(
            "compose: also run the services of this profile. May be given again (default: COMPOSE_PROFILES).",
            valueName: "name"))
    var profile: [String] = []

    @Option(
        help: ArgumentHelp(
            "compose: the project's name, as with -p of docker compose. Without it, that of the containers made from these "
                + "files, COMPOSE_PROJECT_NAME, the name in the file, or the folder's.",
            valueName: "name"))
    var composeProject: String?

    @Option(help: ArgumentHelp("compose: the service of the control plane.", valueName: "name"))
    var service: String?

    @Option(
        help: ArgumentHelp("compose: only volumes with this label are parts.", valueName: "key=value"))
    var volumeLabel: String?

    @Option(help: ArgumentHelp("k3d: the image of the cluster's nodes.", valueName: "ref"))
    var k3sImage: String?

    @Option(help: ArgumentHelp("k3d: the number of nodes in addition to the server.", valueName: "n"))
    var agents: Int?

    @Option(
        help: ArgumentHelp(
            "k3d: a component to run next to the control plane: postgres (the default with upstream's image, which needs "
                + "it), localstack, traefik, vector; or none. May be given again. An existing cluster keeps its components.",
            valueName: "name"),
        completion: .list(["postgres", "localstack", "traefik", "vector", "none"]))
    var component: [String] = []

    /// Returns only the given settings.
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
        settings[.composeProject] = composeProject
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
