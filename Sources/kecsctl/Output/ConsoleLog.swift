// SPDX-License-Identifier: Apache-2.0
import Logging

/// Shows the libraries' log on standard error: from `notice` on always (unless `--quiet`: from `warning` on), `info`
/// and `debug` with `-v`, `trace` with `-vv`.
struct ConsoleLog: LogHandler {
    let console: Console
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(console: Console) {
        self.console = console
        logLevel =
            switch console.verbosity {
            case 0: console.isQuiet ? .warning : .notice
            case 1: .debug
            default: .trace
            }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var details = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues(\.description)
        if let error = event.error { details["error"] = "\(error)" }
        console.note(event.level, event.message.description, details: details)
    }
}
