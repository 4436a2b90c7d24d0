// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The pages of `docs/guides`: the output that a page shows must be what its commands print.
public struct GuidePages: Sendable {
    private static let sources = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    /// Returns the names of all pages that need docker's engine, or of all others.
    public static func names(onEngine: Bool) throws -> [String] {
        let folder = sources.appending("docs/guides")
        return try folder.entries().map(\.string).sorted().filter { name in
            let text = String(decoding: try folder.appending(name).contents(), as: UTF8.self)
            let needs = text.hasPrefix("<!-- needs:") ? text.prefix { $0 != "\n" } : ""
            return (needs.contains("docker") || needs.contains("compose")) == onEngine
        }
    }

    /// Runs all commands of a page with `Tests/Tools/run-guide`.
    public static func run(
        _ name: String, program: FilePath, environment: [String: String]
    ) async throws -> ProcessResult {
        var call = ProcessCall(
            sources.appending("Tests/Tools/run-guide").string,
            ["--kecsctl", program.string, sources.appending("docs/guides").pushing(FilePath(name)).string])
        call.limit = .seconds(1200)
        return try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(call)
    }
}
