// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct PortCheck: InstanceCheck {
    let info = CheckInfo("port.conflict", .instance, .error, "the instance's ports are free for it")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard facts.runsSomething, facts.choosesPorts, facts.state == .stopped || facts.state == .absent
        else { return [] }
        return try [SettingKey.apiPort, .adminPort].compactMap { key in
            guard let number = try facts.instance.settings.number(key), let port = UInt16(exactly: number),
                try !Ports.isFree(port)
            else { return nil }
            let holder = Ports.holder(of: port)
            var evidence: [String: JSONValue] = ["port": .integer(Int64(port))]
            if let holder {
                evidence["pid"] = .integer(Int64(holder.pid))
                evidence["command"] = .string(holder.command)
            }
            return Finding(
                .error,
                "the port \(port) of “\(facts.name)” is taken"
                    + (holder.map { " by process \($0.pid) (\($0.command))" } ?? ""),
                evidence,
                remedy:
                    "kecsctl start \(facts.name) --\(key == .apiPort ? "api" : "admin")-port \(number + 10)")
        }
    }
}
