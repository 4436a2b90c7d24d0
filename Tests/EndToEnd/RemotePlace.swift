// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The kinds of remotes, each with somebody else's server on this machine.
enum RemoteKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case folder, s3, webDAV, ssh

    var testDescription: String { rawValue }

    /// Those with a line that can be cut.
    static let far: [RemoteKind] = [.s3, .webDAV, .ssh]

    /// The kinds for a campaign: all with `KECSCTL_FAULTS=full`, or those of `KECSCTL_REMOTES` (“s3 ssh”), else `few`,
    /// because each takes minutes. Between them the three campaigns have every kind in CI.
    static func campaign(_ few: RemoteKind..., of all: [RemoteKind] = allCases) -> [RemoteKind] {
        guard Rounds.areFull else { return few }
        guard let wanted = getenv("KECSCTL_REMOTES").map({ String(cString: $0) }) else { return all }
        return all.filter { wanted.split(separator: " ").contains(Substring($0.rawValue)) }
    }

    /// What this machine has the programs for.
    var canBeHad: Bool {
        switch self {
        case .folder, .webDAV: true
        case .s3: (try? Python.run(["-c", "import moto.server, boto3"]).status) == 0
        case .ssh: access("/usr/sbin/sshd", X_OK) == 0 && geteuid() == 0
        }
    }
}

/// A remote of one kind, for the time of a test.
struct RemotePlace {
    let kind: RemoteKind
    let address: String
    let environment: [String: String]
    /// Nil for a folder.
    var line: RemoteServer.Line?
    /// What it stores lies below; a file system of its own when the test asked for that.
    let disk: FilePath
    /// The folder of the address; nil where the server remembers what was in it.
    var files: FilePath?

    /// - Parameter room: The size of the disk in MiB; nil for that of the temporary folder.
    static func with(
        _ kind: RemoteKind, room: Int? = nil, _ body: (RemotePlace) async throws -> Void
    ) async throws {
        guard kind.canBeHad else { try Test.cancel("\(kind) needs what scripts/setup tests installs") }
        try await withTemporaryFolder { root in
            let disk = root.appending("disk")
            try disk.createFolder()
            if let room { try #require(mount("tmpfs", disk.string, "tmpfs", 0, "size=\(room)m") == 0) }
            defer { if room != nil { umount2(disk.string, Int32(MNT_DETACH)) } }
            let there = disk.appending("there")
            try there.createFolder()
            switch kind {
            case .folder:
                try await body(
                    RemotePlace(kind: kind, address: there.string, environment: [:], disk: disk, files: there)
                )
            case .s3:
                try await RemoteServer.withS3(in: root, disk: disk) { environment, line in
                    try await body(
                        RemotePlace(
                            kind: kind, address: "box:copies", environment: environment, line: line,
                            disk: disk))
                }
            case .webDAV:
                let words = [
                    "/usr/bin/rclone", "serve", "webdav", there.string, "--addr", "127.0.0.1:PORT",
                    "--config", "/dev/null",
                ]
                try await RemoteServer.serving(words) { port in
                    try await RemoteServer.withLine(in: root, to: port) { line, through in
                        let environment = try RemoteServer.config(
                            "type = webdav\nurl = http://127.0.0.1:\(through)\nvendor = other", in: root)
                        try await body(
                            RemotePlace(
                                kind: kind, address: "box:kecs", environment: environment, line: line,
                                disk: disk))
                    }
                }
            case .ssh:
                try await RemoteServer.withSSHD(in: root) { port in
                    try await RemoteServer.withLine(in: root, to: port) { line, through in
                        try RemoteServer.trust(through, in: root)
                        try await body(
                            RemotePlace(
                                kind: kind, address: "ssh://root@127.0.0.1:\(through)\(there)",
                                environment: ["HOME": root.string], line: line, disk: disk, files: there))
                    }
                }
            }
        }
    }

    /// Takes a copy away without kecsctl.
    func remove(_ id: String) async throws {
        if let files { return try files.appending("dev/\(id)").removeTree() }
        let call = ProcessCall("rclone", ["purge", "\(address)/dev/\(id)"])
        let variables = environment.merging(["PATH": "/usr/bin:/bin", "HOME": "/root"]) { $1 }
        let result = try await SystemProcesses(environment: variables, cancellation: Cancellation()).run(call)
        try #require(result.succeeded, "\(result.errorText)")
    }

    /// Takes room on its disk, so that about so many bytes are left.
    func fill(leaving bytes: Int) throws {
        var room = statvfs()
        try #require(statvfs(disk.string, &room) == 0)
        let free = Int(room.f_bavail) * Int(room.f_frsize)
        try disk.appending("ballast").replaceContents([UInt8](repeating: 0, count: max(0, free - bytes)))
    }

    func makeRoom() throws { try disk.appending("ballast").remove() }
}
