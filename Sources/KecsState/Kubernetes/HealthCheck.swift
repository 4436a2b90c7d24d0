// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A container's health check as exec probes.
struct HealthCheck {
    private let command: [String]
    private let interval: Int64
    private let timeout: Int64
    private let retries: Int64
    private let startPeriod: Int64

    /// - Returns: Nil when there is none, or it is `["NONE"]`.
    init?(_ definition: JSONValue?) {
        guard let definition, let words = definition["command"]?.array?.compactMap(\.string), !words.isEmpty
        else {
            return nil
        }
        switch words[0] {
        case "NONE": return nil
        case "CMD-SHELL": command = ["/bin/sh", "-c", words.dropFirst().joined(separator: " ")]
        case "CMD":
            guard words.count > 1 else { return nil }
            command = Array(words.dropFirst())
        // One string alone is a line for the shell.
        default: command = words.count == 1 ? ["/bin/sh", "-c", words[0]] : words
        }
        // The defaults of the ECS API.
        func number(_ key: String, _ usual: Int64, least: Int64) -> Int64 {
            min(max(least, definition[key]?.integer ?? usual), 86_400)
        }
        interval = number("interval", 30, least: 1)
        timeout = number("timeout", 5, least: 1)
        retries = min(number("retries", 3, least: 1), 1000)
        startPeriod = number("startPeriod", 0, least: 0)
    }

    /// Returns the probes. The same check decides whether the container lives and whether it is ready. Failures in the
    /// start period do not count: that is a startup probe, which runs more often so that its interval does not delay
    /// the container.
    ///
    /// - Parameter gates: True when other containers wait until it is healthy. Then there must be a startup probe.
    func probes(gates: Bool) -> [String: JSONValue] {
        var probes = ["livenessProbe": probe(interval, retries), "readinessProbe": probe(interval, retries)]
        if startPeriod > 0 || gates {
            let pace = min(interval, 10)
            probes["startupProbe"] = probe(pace, (startPeriod + interval * retries + pace - 1) / pace)
        }
        return probes
    }

    private func probe(_ period: Int64, _ failures: Int64) -> JSONValue {
        [
            "exec": ["command": .strings(command.map(\.withoutExpansion))], "periodSeconds": .integer(period),
            "timeoutSeconds": .integer(timeout), "failureThreshold": .integer(failures),
        ]
    }
}
