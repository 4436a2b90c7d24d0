// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct SharedPortsCheck: Check {
    let info = CheckInfo("instance.shared-ports", .machine, .warning, "no two instances want one port")

    func run(_ look: Look) throws -> [Finding] {
        var owners: [Int: InstanceName] = [:]
        var findings: [Finding] = []
        for facts in look.all where facts.runsSomething && facts.choosesPorts {
            for key in [SettingKey.apiPort, .adminPort] {
                guard let port = try facts.instance.settings.number(key) else { continue }
                if let other = owners[port], other != facts.name {
                    findings.append(
                        Finding(
                            .warning, "“\(facts.name)” and “\(other)” both want the port \(port)",
                            ["port": .integer(Int64(port)), "other": .string(other.description)],
                            remedy:
                                "kecsctl start \(facts.name) --\(key == .apiPort ? "api" : "admin")-port \(port + 10)",
                            instance: facts.name.description))
                } else {
                    owners[port] = facts.name
                }
            }
        }
        return findings
    }
}
