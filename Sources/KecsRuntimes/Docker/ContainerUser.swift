// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The user of a container's server, as its engine determines it: names are those of the image's own `/etc/passwd`.
struct ContainerUser: Hashable, Sendable {
    /// The user as it is written: "", "1001", "1001:1001", "app:staff".
    let text: String

    /// Returns the user by numbers; nil when a name cannot be looked up.
    func resolved(passwd: String?, group groups: String?) -> ServerUser? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let wanted = parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "0"
        let users = (passwd ?? "root:x:0:0::/:").split(separator: "\n").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        let entry = users.first { $0.count > 3 && ($0[0] == wanted || $0[2] == wanted) }
        guard let user = UInt32(wanted) ?? entry.flatMap({ UInt32($0[2]) }) else { return nil }
        var group = entry.flatMap { UInt32($0[3]) } ?? 0
        if parts.count > 1, !parts[1].isEmpty {
            let all = (groups ?? "").split(separator: "\n").map { $0.split(separator: ":").map(String.init) }
            guard
                let given = UInt32(parts[1])
                    ?? all.first(where: { $0.count > 2 && $0[0] == parts[1] }).flatMap({ UInt32($0[2]) })
            else { return nil }
            group = given
        }
        return ServerUser(user: user, group: group, name: entry?[0])
    }
}

extension Docker {
    func user(of container: DockerContainer) async throws -> ServerUser? {
        let passwd = try await text(of: "/etc/passwd", in: container.id)
        let user = ContainerUser(text: container.user)
        let names = container.user.split(separator: ":").dropFirst()
        let needsGroups = names.first.map { UInt32($0) == nil } ?? false
        return user.resolved(
            passwd: passwd, group: needsGroups ? try await text(of: "/etc/group", in: container.id) : nil)
    }

    /// A small file of a container, which need not run; nil when it has none.
    func text(of path: String, in id: String) async throws -> String? {
        guard let tar = try await copyOutSmall(path, of: id), tar.count > 512 else { return nil }
        // One entry: its header, then its bytes.
        let digits = tar[124..<136].filter { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
        guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 8), tar.count >= 512 + size
        else {
            return nil
        }
        return String(decoding: tar[512..<(512 + size)], as: UTF8.self)
    }
}
