// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// Determines whether an engine's paths are this machine's, by something that both can see. Equal kernel releases prove
/// nothing: every virtual machine of a cloud has the same one.
extension Docker {
    /// - Parameter container: Any of the engine's containers, when there is one.
    func host(seenBy container: DockerContainer? = nil) async throws -> EngineHost {
        let endpoint = DockerEndpoint(try await endpoint())
        if endpoint.text.hasPrefix("ssh://") { return .another }
        let facts = try await facts()
        if facts.kernel != Self.ownKernel { return .another }
        if let container, try Self.isProcess(container.state.pid, of: container.id) { return .thisMachine }
        if let known = try Self.fileProof(facts, container) { return known ? .thisMachine : .another }
        if let socket = endpoint.socket, let peer = try SocketPeer.process(of: socket), peer.name == "dockerd"
        {
            return .thisMachine
        }
        return .unknown(
            "nothing that the engine at \(endpoint.text) has can be seen on this machine by this user")
    }

    func isOnThisMachine() async throws -> Bool { try await host() == .thisMachine }

    private struct Facts {
        var id: String
        var kernel: String
        var root: FilePath
    }

    private func facts() async throws -> Facts {
        let words = try await info("{{.ID}} {{.KernelVersion}} {{.DockerRootDir}}")
            .split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count == 3 else { return Facts(id: "", kernel: "", root: "") }
        return Facts(id: words[0], kernel: words[1], root: FilePath(words[2]))
    }

    private static var ownKernel: String {
        var facts = utsname()
        guard uname(&facts) == 0 else { return "" }
        return withUnsafeBytes(of: &facts.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Returns true when the process that the engine names is in the container's control group: both count the same
    /// processes.
    private static func isProcess(_ pid: Int, of container: String) throws -> Bool {
        guard pid > 0 else { return false }
        do {
            let groups = try FilePath("/proc/\(pid)/cgroup").contents(limit: 64 << 10)
            return String(decoding: groups, as: UTF8.self).contains(container)
        } catch is FileError {
            return false
        }
    }

    /// Looks for proof in a file of the engine's: the container's own folder, or the file with the engine's id.
    ///
    /// - Returns: Nil when this user cannot determine it.
    private static func fileProof(_ facts: Facts, _ container: DockerContainer?) throws -> Bool? {
        func text(_ path: FilePath) -> String? {
            (try? path.contents(limit: 64 << 10)).map { String(decoding: $0, as: UTF8.self) }
        }
        if let container {
            let all = facts.root.appending("containers")
            if (try? all.entries()) != nil { return try all.appending(container.id).isFolder }
        }
        guard !facts.id.isEmpty else { return nil }
        // 23.0 and later; before, the id was that of a key.
        if let id = text(facts.root.appending("engine-id")) { return id.contains(facts.id) }
        return text("/etc/docker/key.json")?.contains(facts.id) == true ? true : nil
    }
}
