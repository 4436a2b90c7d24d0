// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import Testing

/// Runs a shell script as root in a mount namespace of its own: what it mounts is gone with it.
///
/// - Throws: What cancels the test, where nothing can be mounted.
public func runWithOwnMounts(_ script: String) async throws -> ProcessResult {
    var call = ProcessCall("unshare", "--mount", "sh", "-c", script)
    call.limit = .seconds(120)
    let result = try await SystemProcesses(
        environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], cancellation: Cancellation()
    ).run(call)
    if result.errorText.contains("unshare failed") || result.errorText.contains("mount: ") {
        try Test.cancel("nothing can be mounted here: \(result.errorText)")
    }
    return result
}
