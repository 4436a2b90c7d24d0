// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing

/// A process of somebody else's that uses a file: a shell that holds what its script opens until it is ended.
struct HoldingProcess: Sendable {
    let pid: pid_t

    /// - Parameters:
    ///   - script: Ends well once it holds what it is to hold.
    ///   - user: Whom it runs as.
    static func with<Value>(
        _ script: String, in folder: FilePath, user: UInt32? = nil,
        _ body: (HoldingProcess) async throws -> Value
    ) async throws -> Value {
        let log = folder.appending("holder-\(UInt32.random(in: 0 ... .max)).log")
        let prefix = user.map { "setpriv --reuid \($0) --regid \($0) --clear-groups " } ?? ""
        let server = try ServerProcess(
            command: prefix + "sh -c 'cd /; { \(script); } && echo ready && while :; do sleep 0.05; done'",
            folder: "/", log: log, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        let identity = try await server.start()
        defer { kill(-identity.pid, SIGKILL) }
        let isReady = try await SystemClock().wait(upTo: .seconds(120), every: .milliseconds(5)) {
            String(decoding: try log.contents(), as: UTF8.self).contains("ready")
        }
        try #require(isReady, "the holder did not get ready")
        let value = try await body(HoldingProcess(pid: identity.pid))
        _ = try await ServerProcess.stop(identity, grace: .zero, clock: SystemClock())
        return value
    }
}
