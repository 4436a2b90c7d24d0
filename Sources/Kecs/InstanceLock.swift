// SPDX-License-Identifier: Apache-2.0
import SystemPackage
import KecsStorage
import KecsSystem

/// How long to wait for another kecsctl, and what this one is called in the lock file.
public struct LockRequest: Sendable {
    public var command: String
    /// Nil: fail at once.
    public var wait: Duration?

    public init(command: String, wait: Duration? = nil) {
        self.command = command
        self.wait = wait
    }
}

extension Site {
    /// Takes the instance's lock, heals what a killed run left, and runs `body` with the instance as it is then.
    ///
    /// - Parameter healed: Gets the sentences of `HealInstance`.
    /// - Throws: `Failure(.busy)`, naming who holds the lock.
    public func locked<Value>(
        _ name: InstanceName, _ request: LockRequest, flags: [SettingKey: String] = [:],
        checksPlace: Bool = true, healed: ([String]) -> Void = { _ in },
        _ body: (Instance) async throws -> Value
    ) async throws -> Value {
        guard home.folder(of: name).path.isFolder else {
            // It may be one whose removal was killed.
            try Remains(home: home).sweep()
            throw notFound(name)
        }
        let lock = try await lock(name, request)
        defer { lock.unlock() }
        let instance = try instance(name, flags: flags, checksPlace: checksPlace)
        let told = try await HealInstance(site: self).run(instance)
        if !told.isEmpty { healed(told) }
        return try await body(try self.instance(name, flags: flags, checksPlace: checksPlace))
    }

    /// For work on an instance's backups alone: a broken configuration is no obstacle to keeping or removing them, and
    /// when the instance is gone there is nobody to keep away.
    public func lockedBackups<Value>(
        _ name: InstanceName, _ request: LockRequest, healed: ([String]) -> Void = { _ in },
        _ body: () async throws -> Value
    ) async throws -> Value {
        guard home.folder(of: name).path.isFolder else { return try await body() }
        let lock = try await lock(name, request)
        defer { lock.unlock() }
        let instance: Instance
        do { instance = try self.instance(name) } catch let failure as Failure where failure.kind == .damaged
        {
            return try await body()
        }
        // A killed restore may still need what is to be deleted.
        let told = try await HealInstance(site: self).run(instance)
        if !told.isEmpty { healed(told) }
        return try await body()
    }

    /// The lock alone, for operations on folders that are not instances yet.
    func lock(_ name: InstanceName, _ request: LockRequest) async throws -> FileLock {
        do {
            return try await FileLock.acquire(
                home.folder(of: name).lock, command: request.command, wait: request.wait,
                clock: machine.clock,
                cancellation: machine.cancellation)
        } catch let error as LockHeld {
            let holder = error.holder.map { "process \($0.process.pid) (\($0.command)) since \($0.since)" }
            throw Failure(
                .busy, "another kecsctl works on “\(name)”",
                cause: holder.map { "\(error.path) is held by \($0)" } ?? "\(error.path) is held",
                remedy: "kecsctl status \(name) --wait-lock 5m")
        } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
            throw notFound(name)
        }
    }

    /// For reading commands: heals when there is something to heal and nobody holds the lock; never waits, and a
    /// failure to heal is told, not thrown.
    public func healIfAbandoned(_ name: InstanceName) async -> [String] {
        let folder = home.folder(of: name)
        if !folder.journal.isPresent {
            guard await wasTakenDown(name) else { return [] }
        }
        do {
            var told: [String] = []
            try await locked(name, LockRequest(command: "heal"), healed: { told = $0 }) { instance in
                let runtime = try runtime(instance)
                guard try await runtime.wasTakenDown() else { return }
                try Journal(operation: "heal", startedAt: machine.clock.now(), runsAfterwards: true)
                    .write(to: instance.folder.journal)
                try await runtime.start(limit: .zero)
                try Journal.close(instance.folder.journal)
                told.append("started “\(name)” again: what runs it was restarted, and had ended it then")
            }
            return told
        } catch let failure as Failure where failure.kind == .busy {
            return []
        } catch {
            let failure = Failure.describing(error)
            return [
                "could not put “\(name)” right: \(failure.message)" + (failure.cause.map { ": \($0)" } ?? "")
            ]
        }
    }
    /// An instance that cannot be asked is shown as such by who goes on to look at it.
    private func wasTakenDown(_ name: InstanceName) async -> Bool {
        do { return try await runtime(try instance(name)).wasTakenDown() } catch { return false }
    }
}
