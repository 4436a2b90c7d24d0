// SPDX-License-Identifier: Apache-2.0

/// The facts that the compiler knew when it made this program. No commit and no time: the sources alone do not contain
/// them, and two builds of the same sources must be equal.
struct BuildFacts: Encodable, Hashable {
    /// "debug" or "release"
    var configuration: String
    /// The language version that the compiler has at least: "6.3".
    var swift: String
    var architecture: String
    var system: String

    static let own = BuildFacts(
        configuration: configuration, swift: swift, architecture: architecture, system: system)

    private static var configuration: String {
        #if DEBUG
        "debug"
        #else
        "release"
        #endif
    }

    private static var swift: String {
        #if compiler(>=6.5)
        "6.5 or later"
        #elseif compiler(>=6.4)
        "6.4"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }

    private static var architecture: String {
        #if arch(x86_64)
        "x86_64"
        #elseif arch(arm64)
        "arm64"
        #else
        "unknown"
        #endif
    }

    private static var system: String {
        #if os(Linux)
        "linux"
        #else
        "unknown"
        #endif
    }
}
