// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem

/// Runs programs with some fixed variables: those by which docker finds an instance's engine.
struct PlacedPrograms: ProcessRunner {
    let processes: any ProcessRunner
    let variables: [String: String]

    private func placed(_ call: ProcessCall) -> ProcessCall {
        var call = call
        for (name, value) in variables where call.environment[name] == nil { call.environment[name] = value }
        return call
    }

    func run(_ call: ProcessCall) async throws -> ProcessResult { try await processes.run(placed(call)) }

    func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult {
        try await processes.stream(placed(call), output: output, errors: errors)
    }

    func uncancelled() -> any ProcessRunner {
        PlacedPrograms(processes: processes.uncancelled(), variables: variables)
    }
}

extension Machine {
    /// Returns the machine for the instance's programs: with the engine that was recorded when it was made, no matter
    /// who calls now, cron included.
    public func placed(for instance: Instance?) -> Machine {
        let variables = (instance?.engineVariables ?? [:]).filter { environment[$0.key] != $0.value }
        guard !variables.isEmpty else { return self }
        var machine = self
        machine.environment.merge(variables) { _, recorded in recorded }
        machine.processes = PlacedPrograms(processes: processes, variables: variables)
        return machine
    }
}
