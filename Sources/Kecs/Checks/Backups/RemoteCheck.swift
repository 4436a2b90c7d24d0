// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

struct RemoteCheck: InstanceCheck {
    let info = CheckInfo("remote.none", .instance, .info, "a copy of the backups lies on another machine")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard !Self.hasCopy(facts) else { return [] }
        return [
            Finding(
                .info, "no backup of “\(facts.name)” was ever copied elsewhere: they go with this machine",
                remedy: "kecsctl backup \(facts.name) --copy-to REMOTE")
        ]
    }

    static func hasCopy(_ facts: InstanceFacts) -> Bool {
        if case .array(let remotes)? = facts.instance.config.settings["remotes"], !remotes.isEmpty {
            return true
        }
        return facts.history.contains { record in
            guard record.succeeded(for: facts.name) == true else { return false }
            if record.command.hasSuffix("copy") { return true }
            let copies = record.result(of: facts.name)?["backup"]?["copies"]?.array
            return copies.map { !$0.isEmpty } ?? false
        }
    }
}
