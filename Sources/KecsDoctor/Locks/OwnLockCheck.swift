// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct OwnLockCheck: InstanceCheck {
    let info = CheckInfo(
        "lock.busy", .instance, .warning, "no kecsctl has been running for more than six hours")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let holder = FileLock.holder(of: facts.instance.folder.lock), holder.process.isAlive,
            look.now.since(holder.since) > .seconds(6 * 3600)
        else { return [] }
        return [
            Finding(
                .warning, "“\(holder.command)” has been working on “\(facts.name)” since \(holder.since)",
                ["pid": .integer(Int64(holder.process.pid))],
                remedy: "ps -o pid,etime,args -p \(holder.process.pid)")
        ]
    }
}
