// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The control plane's own report at `/health`: `{"status":"ok"}`, and with newer servers
/// `{"status":"healthy","persistence":{"status":"ok","path":"/data/kecs.db"}}`.
enum ControlPlaneHealth: Hashable, Sendable {
    case healthy
    /// The reason why it does not count as healthy.
    case not(String)
    /// It is up, and reports that its database is not: waiting need not help.
    case withoutPersistence(String)

    private static let good: Set<String> = [
        "ok", "healthy", "up", "alive", "enabled", "ready", "pass",
    ]

    init(status: Int, body: [UInt8]) {
        // Any server that answers with 2xx is up, unless it reports otherwise itself. One that answers with 503 may
        // report the reason.
        let answer = try? JSONValue(parsing: String(decoding: body, as: UTF8.self))
        if let word = answer?["persistence"]?["status"]?.string, !Self.good.contains(word.lowercased()) {
            self = .withoutPersistence("the status of its persistence is “\(word)”")
        } else if !(200..<300).contains(status) {
            self = .not("it answered with the status \(status)")
        } else if let word = answer?["status"]?.string, !Self.good.contains(word.lowercased()) {
            self = .not("its status is “\(word)”")
        } else {
            self = .healthy
        }
    }

    /// Asks once. Any failure is a reason why it is not healthy.
    init(asking url: String) {
        do {
            let answer = try HTTPProbe.get(url)
            self.init(status: answer.status, body: answer.body)
        } catch {
            self = .not("\(error)")
        }
    }

    /// Returns the failure for a wait that reached its limit.
    ///
    /// - Parameter place: The address that was asked.
    func failure(of instance: Instance, at place: String, after limit: Duration) -> Failure {
        switch self {
        case .healthy, .not:
            let why = if case .not(let why) = self { why } else { "its containers do not run" }
            return Failure(
                .timeout, "the control plane of “\(instance.name)” did not become healthy within \(limit)",
                cause: "\(place): \(why)", remedy: "kecsctl logs \(instance.name)")
        case .withoutPersistence(let why):
            var failure = Failure(
                .failed, "the control plane of “\(instance.name)” runs, but cannot keep its data",
                cause: "\(place): \(why)", remedy: "kecsctl doctor \(instance.name)")
            failure.isServersState = true
            return failure
        }
    }
}
