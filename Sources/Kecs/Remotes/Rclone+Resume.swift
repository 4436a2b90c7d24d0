// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// What rclone cannot and ssh's own client can: hard links, and going on within a file that was cut off.
extension Rclone {
    /// From this size on, in bytes, going on within a file is worth a call of its own.
    static let large: Int64 = 32 << 20

    /// Whether a large file that was cut off is gone on with where it ends there.
    var resumes: Bool { SSHAddress(remote.address) != nil }

    /// Writes a large file over ssh. Its bytes are written there in their order, so that what lies there after a cut is its
    /// beginning; whether it is, the digest of all of it decides.
    ///
    /// - Parameter isBegun: Goes on where the file there ends, which must be shorter.
    /// - Throws: `Failure(.unreachable)`.
    func put(_ file: FilePath, to target: String, isBegun: Bool) async throws {
        guard let address = SSHAddress(remote.address) else { return try await upload(file, to: target) }
        var folder = ""
        var lines: [String] = []
        for word in target.split(separator: "/").dropLast() {
            folder += (folder.isEmpty ? "" : "/") + word
            lines.append("-mkdir \(address.quoted(folder))")
        }
        lines.append(
            "put \(isBegun ? "-a " : "")\(SSHAddress.quoted(file.string)) \(address.quoted(target))")
        let result: ProcessResult
        do { result = try await sftp(lines, at: address) } catch is ProcessError {
            return try await upload(file, to: target)
        }
        guard !result.succeeded else { return }
        let words = result.errorText.split(whereSeparator: \.isNewline).last
        throw failure(
            "write \(target)", words.map { printable(Array($0.utf8)) } ?? "sftp ended with \(result.end)")
    }

    /// Gives lines to OpenSSH's sftp.
    ///
    /// - Throws: `ProcessError` when it cannot be run.
    func sftp(_ lines: [String], at address: SSHAddress) async throws -> ProcessResult {
        // ssh_config(5): a percent sign begins a token.
        func inOption(_ path: FilePath) -> String { "\"" + path.string.replacing("%", with: "%%") + "\"" }
        let login = try Self.login(address, machine.environment)
        var options = [
            "-q", "-b", "-", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
            "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o",
            "UserKnownHostsFile=\(inOption(login.knownHosts))",
        ]
        if let key = login.key {
            options += ["-o", "IdentitiesOnly=yes", "-o", "IdentityFile=\(inOption(key))"]
        }
        if let port = address.port { options += ["-P", "\(port)"] }
        // sftp(1): in kilobits a second.
        if let bytes = remote.bandwidth { options += ["-l", "\(max(1, bytes / 125))"] }
        var call = ProcessCall("sftp", options + [(login.user.map { "\($0)@" } ?? "") + address.host])
        call.limit = Self.long
        call.input = .bytes(Array((lines.joined(separator: "\n") + "\n").utf8))
        return try await machine.processes.run(call)
    }
}

extension SSHAddress {
    /// A path below the address, in sftp's words.
    func quoted(_ below: String) -> String { Self.quoted(Remote.join(path, below)) }

    static func quoted(_ path: String) -> String {
        "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
