// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Logging

/// A run of a command: its means, its answer, its end.
struct Session: Sendable {
    let site: Site
    let console: Console
    let options: GlobalOptions
    /// "backups list": for remedies, the lock file and the history.
    let command: String
    /// The whole command line, for remedies that repeat it with one more word.
    var words: [String] = []

    var machine: Machine { site.machine }

    func run(_ command: some SessionCommand) async -> Int32 {
        do {
            if !command.makesHome { try site.home.check() }
            await finishRename()
            await sweepDrills()
            return try await command.run(self)
        } catch {
            return end(failure(error))
        }
    }

    // MARK: Instances

    /// Returns the names that a selection means.
    ///
    /// - Parameters:
    ///   - existing: Nil for the existing instances.
    ///   - saysNone: True to report `--all` without any instance; silent only where the default home does not exist
    ///     yet.
    func resolve(
        _ selection: InstanceSelection, unnamed: InstanceSelection.Unnamed, existing: [String]? = nil,
        saysNone: Bool = true
    ) throws -> [String] {
        let names = try selection.resolve(
            existing: existing ?? site.instanceNames().map(\.description),
            variable: machine.environment["KECS_INSTANCE"], unnamed: unnamed,
            command: words.isEmpty ? command : ShellWords.quote(words))
        if saysNone, selection.isAll, names.isEmpty, !options.quiet || site.home.namedBy != nil {
            console.note(.notice, "there is no instance in \(site.home.path)")
        }
        return names
    }

    /// Returns the only instance of a command that is about exactly one.
    func one(
        _ selection: InstanceSelection, unnamed: InstanceSelection.Unnamed, existing: [String]? = nil
    ) throws -> InstanceName {
        let names = try resolve(selection, unnamed: unnamed, existing: existing)
        guard names.count == 1 else {
            throw Failure(.usage, "“\(command)” is about one instance, and \(names.count) were named")
        }
        return try InstanceName(checking: names[0])
    }

    /// Runs `body` under the instance's lock. It repairs and reports the leftovers of a killed run first. A dry run
    /// takes no lock and repairs nothing.
    func locked<Value>(
        _ name: InstanceName, _ change: ChangeOptions, flags: [SettingKey: String] = [:],
        duty: DutyHandling = .before, checksPlace: Bool = true, _ body: (Instance) async throws -> Value
    ) async throws -> Value {
        if change.dryRun {
            return try await body(try site.instance(name, flags: flags, checksPlace: checksPlace))
        }
        return try await site.locked(
            name, lock(change), flags: flags, duty: duty, checksPlace: checksPlace, told: tell, body)
    }

    func lockedBackups<Value>(
        _ name: InstanceName, _ change: ChangeOptions, _ body: () async throws -> Value
    ) async throws -> Value {
        if change.dryRun { return try await body() }
        return try await site.lockedBackups(name, lock(change), told: tell, body)
    }

    func lockedSettings<Value>(
        _ name: InstanceName, _ change: ChangeOptions, _ body: () throws -> Value
    ) async throws -> Value {
        try await site.lockedSettings(name, lock(change), told: tell, body)
    }

    func lock(_ change: ChangeOptions) -> LockRequest {
        LockRequest(command: "kecsctl \(command)", wait: change.waitLock?.duration)
    }

    /// Reports actions other than the answer: never lost, never on standard output.
    func tell(_ told: Told) {
        switch told {
        case .notice(let sentence): console.note(.notice, sentence)
        case .warning(let sentence): console.note(.warning, sentence)
        }
    }

    // MARK: Ends

    func answer(_ answer: Answer) {
        guard options.answers else { return }
        do {
            console.answer(try answer.text(options.format, width: console.terminal.outputWidth))
        } catch {
            console.fail(.describing(error))
        }
    }

    /// Returns the failure that an error means for the user. A cancelled task only knows that it was cancelled; the
    /// flag knows why.
    func failure(_ error: any Error) -> Failure {
        if error is CancellationError, let why = machine.cancellation.reason {
            return .describing(Interrupted(why))
        }
        return withDefectFile(.describing(error))
    }

    func end(_ failure: Failure) -> Int32 {
        console.fail(failure)
        console.answer(failure, in: options.output)
        return failure.status
    }

    /// Writes a line of history for something that changed, or was meant to change, an instance. It is no part of the
    /// result, so that a failure to write it is only a warning.
    func record(_ result: some Encodable, status: Int32) {
        do {
            guard try site.home.path.isFolder else { return }
            try History(site.home).append(result, command: command, status: status, at: machine.clock.now())
        } catch {
            console.note(
                .warning, "the history was not written: \(Failure.describing(error).cause ?? "\(error)")")
        }
    }

    /// Returns the exit status. One instance gives its own status. Of several, one that failed makes 3, and a cause
    /// that stopped them all its own.
    static func status(_ all: [Int32]) -> Int32 {
        if all.count == 1 { return all[0] }
        let stopped = Set([Interruption.interrupt, .terminate, .timeout].map { Int32($0.rawValue) })
        if let why = all.first(where: stopped.contains) { return why }
        return all.allSatisfy { $0 == 0 } ? 0 : Failure.Kind.partial.rawValue
    }
}
