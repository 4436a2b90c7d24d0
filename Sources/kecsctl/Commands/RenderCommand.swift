// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsRuntimes

struct RenderCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "render", abstract: "Print files that run the instance with other tools.",
        discussion: """
            compose and docker print the containers that run now: image, ports, mounts, user, healthcheck, and the
            environment with its secrets as variables to be set. Without a container, what the settings would make.
            env prints the environment as a file, and dockerfile the last stage of an image that keeps its data.
            minio and velero print what a k3d instance with --use-velero-backup has in its cluster, without the Secrets.
            """)

    static let help = CommandHelp(
        ExitStatus.instances.union([13]),
        .init("kecsctl render compose dev > compose.yaml", "for docker compose"),
        .init("kecsctl render env dev > .env", "the environment; secrets stand there by name only"),
        .init("kecsctl render kubernetes dev | kubectl apply -f -", "a claim, a deployment and a service"),
        .init("kecsctl render velero dev", "Velero with its definitions, rights and object store"))

    @Argument(
        help: "compose, docker, env, dockerfile, kubernetes, entrypoint, github-actions, minio or velero.")
    var form: Rendering.Form

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        let name = try session.one(instance.selection, unnamed: .theOnlyOne)
        if form.isVelero {
            let rendering = try VeleroRendering(form, of: session.site.instance(name), site: session.site)
            session.console.answer(Self.text(rendering))
            return 0
        }
        let rendering = try await Rendering.ofWhatRuns(session.site.instance(name), site: session.site)
        session.console.answer(rendering.text(form))
        return 0
    }

    private static func text(_ rendering: VeleroRendering) -> String {
        rendering.remarks.map { "# \($0)\n" }.joined()
            + rendering.objects.map { "---\n" + YAMLText.document($0) }.joined()
    }
}

extension Rendering.Form: ExpressibleByArgument {}
