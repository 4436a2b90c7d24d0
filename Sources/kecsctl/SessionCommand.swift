// SPDX-License-Identifier: Apache-2.0

/// A command that does something: flags, `validate()`, and one call.
protocol SessionCommand: HelpedCommand, Sendable {
    var global: GlobalOptions { get }
    /// - Returns: The exit status.
    /// - Throws: Anything; the session describes it.
    func run(_ session: Session) async throws -> Int32
}
