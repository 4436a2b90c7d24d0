// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem

/// A check whose answer follows from the facts that docker was asked for once.
struct EngineCheck: Check {
    let info: CheckInfo
    let judge: @Sendable (Look) throws -> [Finding]

    init(
        _ id: String, _ severity: Severity, _ claim: String,
        _ judge: @escaping @Sendable (Look) throws -> [Finding]
    ) {
        info = CheckInfo(id, .machine, severity, claim)
        self.judge = judge
    }

    func run(_ look: Look) throws -> [Finding] { try judge(look) }
}

/// A check of an instance that runs in containers; others pass.
struct ContainerCheck: InstanceCheck {
    let info: CheckInfo
    let kinds: Set<RuntimeKind>
    let judge: @Sendable (InstanceFacts, Look) throws -> [Finding]

    init(
        _ id: String, _ severity: Severity, _ claim: String,
        of kinds: Set<RuntimeKind> = [.docker, .compose, .k3d],
        profile: String? = nil, _ judge: @escaping @Sendable (InstanceFacts, Look) throws -> [Finding]
    ) {
        info = CheckInfo(id, .instance, severity, claim, profile: profile)
        self.kinds = kinds
        self.judge = judge
    }

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard kinds.contains(facts.instance.config.runtime) else { return [] }
        return try judge(facts, look)
    }
}

extension Look {
    /// Returns true when an instance runs with one of these.
    func needs(_ kinds: RuntimeKind...) -> Bool {
        all.contains { kinds.contains($0.instance.config.runtime) }
    }
}

/// Returns the numbers of "v5.9.0", "28.2.2", "20.10.24+dfsg1", as far as they exist.
func versionNumbers(_ text: String) -> [Int] {
    let start = text.drop { !$0.isNumber }
    return start.prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
}
