// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsRuntimes
import KecsSystem
import Testing

/// How one check of the registry is proved: a scene in which it passes, and what is done to that scene to make it fail.
///
/// The check is taken from the registry by its id, as the doctor takes it.
struct CheckCase: Sendable, CustomTestStringConvertible {
    typealias Change = @Sendable (inout CheckScene) async throws -> Void

    let id: String
    /// Of the finding.
    let severity: Severity
    /// A part of the finding's message: the stated reason.
    let words: String
    var runtime = RuntimeKind.local
    var settings: [String: JSONValue] = [:]
    var environment: [String: String] = [:]
    /// Makes the scene one in which the check has something to look at, and passes.
    var good: Change = { _ in }
    /// Spoils it.
    var bad: Change
    /// Whether `--fix` can do nothing about it for others than root.
    var isRepairedByRootOnly: Bool { id == "perm.owner" }

    var testDescription: String { id }

    init(
        _ id: String, _ severity: Severity, _ words: String, runtime: RuntimeKind = .local,
        settings: [String: JSONValue] = [:], environment: [String: String] = [:],
        good: @escaping Change = { _ in }, bad: @escaping Change
    ) {
        self.id = id
        self.severity = severity
        self.words = words
        self.runtime = runtime
        self.settings = settings
        self.environment = environment
        self.good = good
        self.bad = bad
    }

    static let all =
        files + locks + databases + backups + machines + docker + clusters + inVelero + projects + production

    func play(_ body: (inout CheckScene) async throws -> Void) async throws {
        try await CheckScene.with(runtime: runtime, settings: settings, environment: environment, body)
    }
}
