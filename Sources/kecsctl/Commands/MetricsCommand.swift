// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsDoctor

struct MetricsCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Print metrics of all instances for Prometheus.")

    static let help = CommandHelp(
        ExitStatus.common.union([16]), .init("kecsctl metrics", "the metrics as text"),
        .init(
            "kecsctl metrics --textfile /var/lib/node_exporter/kecsctl.prom",
            "for node_exporter's textfile collector"))

    @Option(help: "Write to this file atomically instead of standard output.", completion: .file())
    var textfile: PathArgument?

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        let collect = CollectMetrics(site: session.site)
        if let textfile {
            try await collect.write(to: textfile.path(session))
        } else {
            session.console.answer(try await collect.run())
        }
        return 0
    }
}
