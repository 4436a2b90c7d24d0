// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// Runs the hooks of one operation on one instance, one after the other. They run as this user, with this environment
/// and the facts of the run in `KECSCTL_HOOK_…`.
public struct RunHooks: Sendable {
    /// The end of the operation, for the hooks that run after it.
    public struct End: Sendable {
        public var status: Int32
        public var outcome: Outcome
        /// The result as the history has it.
        public var result: JSONValue?

        public init(status: Int32, outcome: Outcome, result: JSONValue?) {
            self.status = status
            self.outcome = outcome
            self.result = result
        }
    }

    let site: Site
    let operation: Hook.Operation
    let name: InstanceName
    let hooks: [Hook]
    /// The id, the same in every hook of this run.
    let run: String

    /// - Throws: `Failure(.usage)` for hooks that cannot be used.
    public init(site: Site, _ operation: Hook.Operation, of name: InstanceName) throws {
        self.site = site
        self.operation = operation
        self.name = name
        hooks = try HookSettings.read(site).hooks
        run = site.newRun()
    }

    /// - Throws: `Failure` for the first that fails; the following ones do not run. Nothing was done then.
    public func before() async throws {
        for hook in hooks where hook.isFor(operation, .before, name) {
            guard let why = try await self.why(hook, nil) else { continue }
            throw Failure(
                .failed,
                "“\(hook.words[0])” failed before the \(operation.rawValue) of “\(name)”, and nothing was done",
                cause: why, remedy: ShellWords.quote(hook.words))
        }
    }

    /// Runs all hooks, also when the operation failed or was interrupted: a hook before it may have begun something
    /// that the hook after it ends.
    ///
    /// - Returns: A failure for each hook that failed.
    public func after(_ end: End) async -> [Failure] {
        var failures: [Failure] = []
        for hook in hooks where hook.isFor(operation, .after, name) {
            let why: String?
            do { why = try await self.why(hook, end) } catch { why = Failure.describing(error).sentence }
            guard let why else { continue }
            failures.append(
                Failure(
                    .partial, "“\(hook.words[0])” failed after the \(operation.rawValue) of “\(name)”",
                    cause: why,
                    remedy: ShellWords.quote(hook.words)))
        }
        return failures
    }

    /// - Returns: The reason for its failure; nil when it did not fail.
    private func why(_ hook: Hook, _ end: End?) async throws -> String? {
        var call = ProcessCall(hook.words[0], Array(hook.words.dropFirst()))
        call.limit = hook.limit.duration
        call.outlivesCancellation = end != nil
        call.outputLimit = 64 << 10
        call.folder = site.home.path
        call.environment = environment(hook, end)
        if let result = end?.result { call.input = .bytes(Array("\(result.masked.description)\n".utf8)) }
        site.machine.progress.step(
            "\(hook.phase.rawValue) the \(operation.rawValue): \(hook.words[0])", total: nil)
        let result: ProcessResult
        do { result = try await site.machine.processes.run(call) } catch let error as ProcessError {
            switch error {
            case .notFound: return "there is no such program"
            case .cannotStart(_, let why): return why
            }
        }
        let how: String
        switch result.end {
        case .exited(0): return nil
        case .exited(let status): how = "it ended with the status \(status)"
        case .signaled(let signal): how = "it was ended by the signal \(signal)"
        case .timedOut: how = "it did not end within \(hook.limit)"
        }
        // Its last output, on either stream.
        let said = (result.errors.isEmpty ? result.outputText : result.errorText).masked
            .split(separator: "\n").suffix(5).joined(separator: "\n")
        return said.isEmpty ? how : "\(how):\n\(said)"
    }

    private func environment(_ hook: Hook, _ end: End?) -> [String: String?] {
        var variables: [String: String?] = [
            "KECSCTL_HOOK_OPERATION": operation.rawValue, "KECSCTL_HOOK_WHEN": hook.phase.rawValue,
            "KECSCTL_HOOK_RUN": run, "KECSCTL_HOOK_INSTANCE": name.description,
            "KECSCTL_HOOK_HOME": site.home.path.string,
        ]
        guard let end else { return variables }
        variables["KECSCTL_HOOK_STATUS"] = "\(end.status)"
        variables["KECSCTL_HOOK_OUTCOME"] = end.outcome.rawValue
        let backup = end.result?["backup"]
        variables["KECSCTL_HOOK_BACKUP"] = backup?["id"]?.string ?? ""
        variables["KECSCTL_HOOK_BACKUP_PATH"] = backup?["path"]?.string ?? ""
        return variables
    }
}
