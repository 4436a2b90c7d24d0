// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct DownCheck: InstanceCheck {
    let info = CheckInfo("instance.down", .instance, .error, "what must run is not down")

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        if let duty = try Duty.read(facts.instance.folder.duty), facts.state != .running {
            return [
                finding(
                    facts, duty.sentence,
                    [
                        "since": .string("\(duty.since)"), "because": .string(duty.because),
                        "operation": .string(duty.operation), "tries": .integer(Int64(duty.tries)),
                        "triedAt": duty.triedAt.map { .string("\($0)") } ?? .null,
                    ])
            ]
        }
        guard facts.state == .stopped else { return [] }
        switch await look.site.takenDown(facts.instance) {
        case .yes(let why): return [finding(facts, "down, because \(why)", ["because": .string(why)])]
        case .no: return []
        case .unknown(let why): throw CannotTell(why)
        }
    }

    private func finding(_ facts: InstanceFacts, _ state: String, _ evidence: [String: JSONValue]) -> Finding
    {
        Finding(
            .error, "“\(facts.name)” is \(state); next try by \(Duty.nextTry(facts.name))", evidence,
            remedy: "kecsctl start \(facts.name)")
    }
}
