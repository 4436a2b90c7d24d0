// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct HealthCheck: InstanceCheck {
    let info = CheckInfo("server.health", .instance, .error, "the server answers that it is well")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard facts.state == .running, facts.runsSomething else { return [] }
        let setting = try facts.settingText(.healthUrl)
        guard setting != "none",
            let url = setting
                ?? facts.endpoints.first(where: { $0.name == "admin" }).map({ $0.url + "/health" })
        else { return [] }
        do {
            let answer = try HTTPProbe.get(url, limit: .seconds(3))
            guard (200..<300).contains(answer.status) else {
                return [finding(facts, url, "it answered with the status \(answer.status)")]
            }
            // The persistence guide's server reports more in the body than in its status: {"status":"degraded"}.
            if let status = try? JSONFile.decode(JSONValue.self, from: answer.body, at: "health")["status"]?
                .string,
                !["ok", "healthy", "up", "pass", "alive"].contains(status.lowercased())
            {
                return [finding(facts, url, "it says that its status is “\(status)”")]
            }
            return []
        } catch {
            return [finding(facts, url, "\(error)")]
        }
    }

    private func finding(_ facts: InstanceFacts, _ url: String, _ why: String) -> Finding {
        Finding(
            .error, "the server of “\(facts.name)” is not well: \(url): \(why)", ["url": .string(url)],
            remedy: "kecsctl logs \(facts.name) --tail 50")
    }
}
