// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem

/// The facts that a check may use. Gathered once, so that sixty checks do not walk the same tree sixty times.
public struct Look: Sendable {
    public let site: Site
    /// The facts of the examined instance; nil for a check of the machine.
    public let facts: InstanceFacts?
    /// The facts of every instance that could be read.
    public let all: [InstanceFacts]
    public let surroundings: Surroundings
    /// The cancellation, which is set when the check's time is over, or the command's.
    public let cancellation: Cancellation

    public init(
        site: Site, facts: InstanceFacts? = nil, all: [InstanceFacts], surroundings: Surroundings,
        cancellation: Cancellation
    ) {
        self.site = site
        self.facts = facts
        self.all = all
        self.surroundings = surroundings
        self.cancellation = cancellation
    }

    public var now: Moment { site.machine.clock.now() }
}

/// An answer, or why there is none.
public enum Known<Value> {
    case known(Value)
    case unknown(String)

    /// - Throws: `CannotTell`.
    public func get() throws(CannotTell) -> Value {
        switch self {
        case .known(let value): return value
        case .unknown(let why): throw CannotTell(why)
        }
    }

    public var value: Value? { if case .known(let value) = self { value } else { nil } }
}
extension Known: Sendable where Value: Sendable {}
extension Known: Equatable where Value: Equatable {}
