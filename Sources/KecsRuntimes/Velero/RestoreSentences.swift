// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsVelero

/// What Velero's sentences about a restore mean, one by one.
enum RestoreSentences {
    /// Objects that were there already, by kind: "2 ConfigMaps, 1 Service". Nil when there are none.
    ///
    /// - Parameter warnings: `could not restore, ConfigMap "web" already exists. Warning: the in-cluster version is different …`
    static func leftAsTheyAre(_ warnings: [String]) -> String? {
        var counts: [String: Int] = [:]
        for warning in warnings where warning.contains("already exists") {
            // In every namespace, and never the same as before: nothing that anybody could restore.
            guard !warning.contains("kube-root-ca.crt"),
                let start = warning.firstRange(of: "could not restore, ")?.upperBound
            else { continue }
            let kind = warning[start...].prefix { $0 != " " && $0 != "/" }
            if !kind.isEmpty { counts[String(kind), default: 0] += 1 }
        }
        guard !counts.isEmpty else { return nil }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.value) \($0.key)\($0.value == 1 ? "" : "s")" }.joined(separator: ", ")
    }

    /// The port of `… Invalid value: 30123: provided port is already allocated`.
    static func takenPort(_ error: String) -> Int64? {
        guard error.contains("provided port is already allocated"),
            let start = error.firstRange(of: "Invalid value: ")?.upperBound
        else { return nil }
        return Int64(error[start...].prefix { $0.isNumber })
    }

    /// Who has it: `kube-system/traefik`.
    static func holder(of port: Int64, _ services: [JSONValue]) -> String? {
        services.first { service in
            (service["spec"]?["ports"]?.array ?? []).contains { $0["nodePort"]?.integer == port }
        }.map {
            "\($0["metadata"]?["namespace"]?.string ?? "")/\($0["metadata"]?["name"]?.string ?? "")"
        }
    }

    /// Whether a webhook stood in its way, so that it can be restored later.
    static func isOfWebhook(_ error: String) -> Bool {
        VeleroReason.of(error)?.text == "failed calling webhook"
    }

    /// The kinds of `error restoring deployments.apps/web/site: …`, sorted; empty when one of them names none: then everything is
    /// to be tried again.
    static func kinds(_ errors: [String]) -> [String] {
        var kinds: Set<String> = []
        for error in errors {
            guard let start = error.firstRange(of: "error restoring ")?.upperBound else { return [] }
            let word = error[start...].prefix { $0 != "/" && $0 != ":" && $0 != " " }
            guard !word.isEmpty else { return [] }
            kinds.insert(String(word))
        }
        return kinds.sorted()
    }
}
