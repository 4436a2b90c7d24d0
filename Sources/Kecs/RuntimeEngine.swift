// SPDX-License-Identifier: Apache-2.0
public import Glibc

/// What an engine knows of processes and containers, the instance's own and others'.
public protocol RuntimeEngine: Sendable {
    /// Returns why a stop would lose something that no start restores: a container that is removed when it ends. Nil
    /// when it would not. `stop` refuses then. An operation that has to stop the instance asks before it does anything.
    func lossWhenStopped() async throws -> Failure?
    /// Returns whether the instance was ended by its own runtime, as an engine does with containers that outlived it.
    /// No user asked for that, so it must run again.
    func wasTakenDown() async throws -> Bool
    /// Returns the processes that it may stop as its own.
    func ownProcesses() async throws -> Set<pid_t>
    /// Returns other running containers that have something of these parts mounted: the same folder or volume, one
    /// around it, or one in it.
    func otherContainers(using parts: [Part]) async throws -> OtherContainers
    /// Of the containers that are the instance's server, and what runs beside it.
    func containerIDs() async throws -> Set<String>
}

extension RuntimeEngine {
    public func lossWhenStopped() async throws -> Failure? { nil }
    public func wasTakenDown() async throws -> Bool { false }
    public func ownProcesses() async throws -> Set<pid_t> { [] }
    public func otherContainers(using parts: [Part]) async throws -> OtherContainers { OtherContainers() }
    public func containerIDs() async throws -> Set<String> { [] }
}
