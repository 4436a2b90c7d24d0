// SPDX-License-Identifier: Apache-2.0

/// A command that does something: flags, `validate()`, and one call.
protocol SessionCommand: HelpedCommand, Sendable {
    var global: GlobalOptions { get }
    /// Whether `--output` means something: not for what prints another program's format, or bytes.
    var hasForms: Bool { get }
    /// - Returns: The exit status.
    /// - Throws: Anything; the session describes it.
    func run(_ session: Session) async throws -> Int32
}

extension SessionCommand {
    var hasForms: Bool { true }
}
