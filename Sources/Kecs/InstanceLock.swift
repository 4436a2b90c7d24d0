// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import SystemPackage
public import KecsSystem

/// The time to wait for another kecsctl, and the name of this command in the lock file.
public struct LockRequest: Sendable {
    public var command: String
    /// The time to wait; nil to fail at once.
    public var wait: Duration?

    public init(command: String, wait: Duration? = nil) {
        self.command = command
        self.wait = wait
    }
}

/// A command's way to handle an instance that must run and does not.
public enum DutyHandling: Sendable {
    /// Tries to start it before the command's own work: the default of every command that changes something.
    case before
    /// Tries after the command's own work, which may be the repair that it needs: `restore`, `undo`.
    case after
    /// Leaves it to the command itself: `start`, `stop`, `restart`, `destroy`.
    case leave
}

extension Site {
    /// Takes the instance's lock, heals the leftovers of a killed run, and runs `body` with the instance in its state
    /// then.
    ///
    /// - Parameter told: Receives sentences on actions and findings outside the command's own work.
    /// - Throws: `Failure(.busy)` that names the lock's holder.
    public func locked<Value>(
        _ name: InstanceName, _ request: LockRequest, flags: [SettingKey: String] = [:],
        duty: DutyHandling = .before, checksPlace: Bool = true, told: (Told) -> Void = { _ in },
        _ body: (Instance) async throws -> Value
    ) async throws -> Value {
        try checkIsOurs(home.folder(of: name).path)
        try checkIsOurs(home.backupStore(of: name).folder)
        guard try home.folder(of: name).path.isFolder else {
            // Its removal may have been killed.
            Remains(home: home).sweep()
            throw notFound(name)
        }
        let lock = try await lock(name, request)
        defer { lock.unlock() }
        let instance = try instance(name, flags: flags, checksPlace: checksPlace)
        let known = remnants(of: name)
        defer { tellRest(of: name, since: known, told) }
        for sentence in try await heal(self, instance) { told(.notice(sentence)) }
        if duty == .before, checksPlace { try await fulfil(name, flags, told) }
        let value: Value
        do {
            value = try await body(try self.instance(name, flags: flags, checksPlace: checksPlace))
        } catch {
            if duty == .after, machine.cancellation.reason == nil { try await fulfil(name, flags, told) }
            throw error
        }
        if duty == .after { try await fulfil(name, flags, told) }
        return value
    }

    private func fulfil(
        _ name: InstanceName, _ flags: [SettingKey: String], _ told: (Told) -> Void
    ) async throws {
        let instance = try instance(name, flags: flags)
        for sentence in try await FulfilDuty(site: self).run(instance) {
            // Scripts too must see that it is still down.
            told(try Duty.read(instance.folder.duty) == nil ? .notice(sentence) : .warning(sentence))
        }
    }

    /// Takes the lock for work on an instance's backups alone. A broken configuration is no obstacle to keeping or
    /// removing them, and when the instance is gone there is no one to exclude.
    public func lockedBackups<Value>(
        _ name: InstanceName, _ request: LockRequest, told: (Told) -> Void = { _ in },
        _ body: () async throws -> Value
    ) async throws -> Value {
        try checkIsOurs(home.folder(of: name).path)
        try checkIsOurs(home.backupStore(of: name).folder)
        guard try home.folder(of: name).path.isFolder else {
            // The leftovers of a killed import of its backups belong to no instance.
            guard try home.backupStore(of: name).folder.isFolder else { return try await body() }
            return try await FileLock.hold(
                home.lock, command: request.command, wait: max(request.wait ?? .zero, .seconds(30)),
                clock: machine.clock, cancellation: machine.cancellation
            ) {
                try home.backupStore(of: name).sweep()
                return try await body()
            }
        }
        let lock = try await lock(name, request)
        defer { lock.unlock() }
        let known = remnants(of: name)
        defer { tellRest(of: name, since: known, told) }
        let instance: Instance
        do { instance = try self.instance(name) } catch let failure as Failure where failure.kind == .damaged
        {
            return try await body()
        }
        // A killed restore may still need the backup that is about to be deleted.
        for sentence in try await heal(self, instance) { told(.notice(sentence)) }
        if try instance.folder.duty.isPresent { try await fulfil(name, [:], told) }
        return try await body()
    }

    /// Takes the lock for a change of an instance's settings: a wrong value is no obstacle to correcting it.
    public func lockedSettings<Value>(
        _ name: InstanceName, _ request: LockRequest, told: (Told) -> Void = { _ in },
        _ body: () throws -> Value
    ) async throws -> Value {
        guard try home.folder(of: name).path.isFolder else { throw notFound(name) }
        let lock = try await lock(name, request)
        defer { lock.unlock() }
        do {
            for sentence in try await heal(self, try instance(name)) {
                told(.notice(sentence))
            }
        } catch let failure as Failure where failure.kind == .usage {
            // The setting that is about to be changed may be wrong, or another one.
        }
        return try body()
    }

    /// For a change of what the whole home has.
    public func underHomeLock<Value>(_ request: LockRequest, _ body: () throws -> Value) async throws -> Value
    {
        try home.path.createFolder()
        return try await FileLock.hold(
            home.lock, command: request.command, wait: max(request.wait ?? .zero, .seconds(30)),
            clock: machine.clock, cancellation: machine.cancellation
        ) { try body() }
    }

    /// The lock alone, for operations on folders that are not instances yet.
    func lock(_ name: InstanceName, _ request: LockRequest) async throws -> FileLock {
        let lock = try await acquireLock(of: name, request)
        do { try checkIsNotRenamed(name) } catch {
            lock.unlock()
            throw error
        }
        return lock
    }

    private func acquireLock(of name: InstanceName, _ request: LockRequest) async throws -> FileLock {
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
                remedy: Remedy.again(with: "--wait-lock", "5m") ?? "kecsctl status \(name)")
        } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
            throw notFound(name)
        }
    }

    /// Returns true when a killed run, a failed start or a failed removal left something for the next command that
    /// changes the instance.
    public func needsCare(_ name: InstanceName) async throws -> Bool {
        let folder = home.folder(of: name)
        if case .yes = await takenDown(try instance(name)) { return true }
        return try folder.journal.isPresent || folder.duty.isPresent || folder.restoring.isPresent
            || RemoveRemnants(site: self).places(name).contains {
                try !Remnants(in: $0).all().isEmpty || !Remnants(in: $0).postponed().isEmpty
            }
    }

    // MARK: What could not be removed

    private func remnants(of name: InstanceName) -> Set<FilePath> {
        Set(currentRemnants(of: name).map(\.path))
    }

    /// Tells what this run leaves to be removed, or found left and could not remove, while the lock is still held.
    private func tellRest(of name: InstanceName, since known: Set<FilePath>, _ told: (Told) -> Void) {
        for sentence in newRemnants(of: name, known) { told(.warning(sentence)) }
        guard machine.cancellation.reason != nil else { return }
        for place in RemoveRemnants(site: self).places(name) {
            // A folder that cannot be read is reported by the code that needs it.
            for path in (try? Remnants(in: place).postponed()) ?? [] {
                told(.notice("left for the next command to remove: \(path)"))
            }
        }
    }

    /// Returns the remnants to report. Each is reported once, when it appears; `doctor` shows it from then on.
    private func newRemnants(of name: InstanceName, _ known: Set<FilePath>) -> [String] {
        currentRemnants(of: name).filter { !known.contains($0.path) }.map { $0.sentence }
    }

    private func currentRemnants(of name: InstanceName) -> [Remnants.Remnant] {
        RemoveRemnants(site: self).places(name).flatMap { place in
            // A folder that cannot be read is reported by the code that needs it.
            do { return try Remnants(in: place).all() } catch { return [] }
        }
    }
}

/// A message of a command other than its answer.
public enum Told: Sendable, Hashable {
    /// Something that was repaired.
    case notice(String)
    /// Something that is still wrong: `--quiet` does not hide it.
    case warning(String)

    public var text: String {
        switch self {
        case .notice(let text), .warning(let text): text
        }
    }
}

extension Remnants.Remnant {
    public var sentence: String {
        let who = owner.map { "belongs to uid \($0)" } ?? "belongs to another user"
        let facts = ([who] + attributes.map { "is \($0)" }).joined(separator: " and ")
        return "cannot remove \(stuck): \(errno), it \(facts); it was moved to \(path), where it does no harm"
    }
}
