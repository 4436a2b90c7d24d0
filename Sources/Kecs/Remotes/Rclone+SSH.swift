// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

extension Rclone {
    /// How a host is reached over ssh.
    struct Login {
        var user: String?
        var knownHosts: FilePath
        /// Nil: the agent has it.
        var key: FilePath?
    }

    /// With the keys that ssh itself tries, and only to a host whose key is known: rclone alone would ask nobody.
    static func login(_ address: SSHAddress, _ environment: [String: String]) throws -> Login {
        let folder = FilePath(environment["HOME"] ?? "/").appending(".ssh")
        let known = folder.appending("known_hosts")
        let port = address.port.map { " -p \($0)" } ?? ""
        let target = (address.user.map { "\($0)@" } ?? "") + address.host
        guard try known.isPresent else {
            throw Failure(
                .unreachable, "the key of the host “\(address.host)” is not known",
                cause: "there is no \(known)", remedy: "ssh\(port) \(target) true")
        }
        var login = Login(
            user: address.user ?? environment["USER"] ?? environment["LOGNAME"], knownHosts: known)
        if environment["SSH_AUTH_SOCK"]?.isEmpty ?? true {
            let keys = try ["id_ed25519", "id_ecdsa", "id_rsa"].map { folder.appending($0) }.filter {
                try $0.isPresent
            }
            guard let key = keys.first else {
                throw Failure(
                    .unreachable, "there is no key to reach “\(address.host)” with",
                    cause: "neither an agent runs, nor is there a key in \(folder)",
                    remedy: "ssh-keygen -t ed25519 && ssh-copy-id\(port) \(target)")
            }
            login.key = key
        }
        return login
    }

    /// The address in rclone's words.
    static func sftp(_ address: SSHAddress, _ environment: [String: String]) throws -> String {
        let login = try login(address, environment)
        var options = [
            "host=\(address.host)", "shell_type=none", "known_hosts_file=\(quoted(login.knownHosts))",
        ]
        if let user = login.user { options.append("user=\(user)") }
        if let port = address.port { options.append("port=\(port)") }
        if let key = login.key { options.append("key_file=\(quoted(key))") }
        return ":sftp,\(options.joined(separator: ",")):\(address.path)"
    }

    private static func quoted(_ path: FilePath) -> String {
        "\"" + path.string.replacing("\"", with: "\"\"") + "\""
    }
}
