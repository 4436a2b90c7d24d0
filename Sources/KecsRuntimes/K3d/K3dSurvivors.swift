// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Calls of k3d that continue although the kecsctl that made them was killed. k3d has no signal handling, and with its
/// log turned down it does not notice that its caller is gone. Two calls that work on one cluster destroy each other's
/// work.
struct K3dSurvivors: Sendable {
    let machine: Machine
    let cluster: String
    /// The instance's UUID, which is in the arguments of its own creates.
    let instance: String

    /// The longest time that a stop or a delete may take.
    var patience = Duration.seconds(120)

    /// Ends a create of ours, because its result is known to be incomplete, and waits for every other call. Call it
    /// under the cluster's lock: then no other process waits for the calls that are found.
    func settle() async throws {
        let label = "\(K3dCreate.ownerLabel)=\(instance)@server:*"
        for call in try calls() where call.arguments.contains(label) { try call.kill() }
        var left: [RunningProcess] = []
        let ended = try await machine.clock.wait(upTo: patience, every: .milliseconds(500)) {
            try machine.cancellation.check()
            left = try calls()
            return left.isEmpty
        }
        guard !ended, let call = left.first else { return }
        throw Failure(
            .busy, "another k3d works on the cluster “\(cluster)”",
            cause: "process \(call.pid): \(call.arguments.joined(separator: " "))",
            remedy: "kill \(call.pid)")
    }

    /// Returns true when the call is for the same engine. A cluster of this name on another engine is another cluster,
    /// and a process with another folder for locks is independent of this one.
    private func isOfThisEngine(_ process: RunningProcess) -> Bool {
        ["DOCKER_HOST", "DOCKER_CONTEXT", "TMPDIR"].allSatisfy {
            process.variable($0) == machine.environment[$0]
        }
    }

    /// Returns the running calls `k3d cluster create|start|stop|delete … NAME …`, also behind an interpreter.
    private func calls() throws -> [RunningProcess] {
        let verbs: Set = ["create", "start", "stop", "restart", "delete", "edit"]
        return try RunningProcess.ofThisUser { words in
            guard let start = words.firstIndex(where: { $0 == "k3d" || $0.hasSuffix("/k3d") }),
                words.count > start + 3
            else { return false }
            return words[start + 1] == "cluster" && verbs.contains(words[start + 2])
                && words[(start + 3)...].contains(cluster)
        }.filter(isOfThisEngine)
    }
}
