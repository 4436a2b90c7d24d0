// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// What the control plane says of itself at `/health`: `{"status":"ok"}`, and with newer servers
/// `{"status":"healthy","persistence":{"status":"ok","path":"/data/kecs.db"}}`.
enum ControlPlaneHealth: Hashable, Sendable {
    case healthy
    case not(String)

    static let good: Set<String> = ["ok", "healthy", "up", "alive", "enabled", "ready"]

    init(status: Int, body: [UInt8]) {
        guard (200..<300).contains(status) else {
            self = .not("it answered with the status \(status)")
            return
        }
        // Any server that answers with 2xx is up; only what it says about itself can make it less.
        guard let answer = try? JSONValue(parsing: String(decoding: body, as: UTF8.self)) else {
            self = .healthy
            return
        }
        if let word = answer["status"]?.string, !Self.good.contains(word.lowercased()) {
            self = .not("its status is “\(word)”")
        } else if let word = answer["persistence"]?["status"]?.string, !Self.good.contains(word.lowercased())
        {
            self = .not("the status of its persistence is “\(word)”")
        } else {
            self = .healthy
        }
    }

    /// Asks once; whatever goes wrong is a reason why it is not healthy.
    init(asking url: String) {
        do {
            let answer = try HTTPProbe.get(url)
            self.init(status: answer.status, body: answer.body)
        } catch {
            self = .not("\(error)")
        }
    }
}
