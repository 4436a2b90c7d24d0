// SPDX-License-Identifier: Apache-2.0

/// A command that does something: flags, `validate()`, and one call.
protocol SessionCommand: HelpedCommand, Sendable {
    var global: GlobalOptions { get }
    /// True when it works without a home, or makes a named home that does not exist. All other commands fail then,
    /// because “there is nothing” would be the wrong answer to a typo.
    var makesHome: Bool { get }
    /// True when `--output` is supported: not for output in another program's format, or bytes.
    var hasForms: Bool { get }
    /// - Returns: The exit status.
    /// - Throws: Anything; the session describes it.
    func run(_ session: Session) async throws -> Int32
}

extension SessionCommand {
    var makesHome: Bool { false }
    var hasForms: Bool { true }
}
