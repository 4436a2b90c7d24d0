// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Somebody else's servers on this machine, for the time of a test.
enum RemoteServer {
    /// `PORT` in the words is one that was free a moment ago.
    static func serving(
        _ words: [String], environment: [String: String] = [:], _ body: (Int) async throws -> Void
    ) async throws {
        var port = UInt16.random(in: 20_000...30_000)
        while try !Ports.isFree(port) { port += 1 }
        let program = words[0]
        var argv = words.map { strdup($0.replacing("PORT", with: "\(port)")) } + [nil]
        let variables = environment.merging(["PATH": "/usr/bin:/bin", "HOME": "/root"]) { $1 }
        var envp = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: CInt in [1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        // Threads of the pool block signals, and who is started there inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid = pid_t()
        try #require(posix_spawn(&pid, program, &actions, &attributes, &argv, &envp) == 0)
        defer {
            kill(pid, SIGTERM)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
        let isUp = try await SystemClock().wait(upTo: .seconds(120)) { try !Ports.isFree(port) }
        try #require(isUp, "\(words) does not answer")
        try await body(Int(port))
    }

    static func config(_ text: String, in folder: FilePath) throws -> [String: String] {
        let file = folder.appending("rclone.conf")
        try file.replaceContents(Array("[box]\n\(text)\n".utf8))
        return ["RCLONE_CONFIG": file.string]
    }

    static func tool(_ words: [String]) async throws -> String {
        let call = ProcessCall(words[0], Array(words.dropFirst()))
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/root"], cancellation: Cancellation()
        ).run(call)
        try #require(result.succeeded, "\(result.errorText)")
        return result.outputText
    }
}

extension RemoteServer {
    /// moto's S3, with a line to it that can be cut.
    ///
    /// - Parameters:
    ///   - disk: Where it keeps its objects; nil for its memory.
    ///   - body: The environment for rclone's remote “box”, which goes through the line, and the line.
    static func withS3(
        in folder: FilePath, disk: FilePath? = nil, _ body: ([String: String], Line) async throws -> Void
    ) async throws {
        guard try Python.run(["-c", "import moto.server, boto3"]).status == 0 else {
            try Test.cancel("scripts/python has no moto here")
        }
        let python = Python.root.appending("scripts/python").string
        let moto = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"]
        // Whatever is larger than one byte goes into a temporary file.
        let variables = disk.map { ["TMPDIR": $0.string, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1"] } ?? [:]
        try await serving(moto, environment: variables) { port in
            try await withLine(in: folder, to: port) { line, through in
                let environment = try config(
                    "type = s3\nprovider = Other\nendpoint = http://127.0.0.1:\(through)\nregion = us-east-1\n"
                        + "access_key_id = testing\nsecret_access_key = testing\nforce_path_style = true",
                    in: folder)
                try await body(environment, line)
            }
        }
    }

    /// - Parameter body: Gets the line, and the port at its other end.
    static func withLine(
        in folder: FilePath, to port: Int, _ body: (Line, Int) async throws -> Void
    ) async throws {
        var line = Line(folder: folder.appending("line"))
        line.target = port
        try line.folder.createFolder()
        let proxy = ["/usr/bin/python3", Line.program.string, "PORT", "\(port)", line.folder.string]
        let made = line
        try await serving(proxy) { through in try await body(made, through) }
    }

    /// An sshd that lets root in with the key in `folder/.ssh`, which is the home of whoever connects.
    static func withSSHD(in folder: FilePath, _ body: (Int) async throws -> Void) async throws {
        let keys = folder.appending(".ssh")
        try keys.createFolder()
        for name in ["host", "id_ed25519"] {
            _ = try await tool([
                "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys.appending(name).string,
            ])
        }
        let config = folder.appending("sshd_config")
        try config.replaceContents(
            Array(
                """
                ListenAddress 127.0.0.1
                HostKey \(keys.appending("host"))
                AuthorizedKeysFile \(keys.appending("id_ed25519.pub"))
                StrictModes no
                UsePAM no
                PasswordAuthentication no
                PermitRootLogin yes
                PidFile none
                MaxStartups 100
                Subsystem sftp internal-sftp

                """.utf8))
        mkdir("/run/sshd", 0o755)
        try await serving(["/usr/sbin/sshd", "-D", "-e", "-f", config.string, "-p", "PORT"], body)
    }

    /// Lets whoever has this home trust the sshd at a port.
    static func trust(_ port: Int, in folder: FilePath) throws {
        let keys = folder.appending(".ssh")
        try keys.appending("known_hosts").replaceContents(
            Array("[127.0.0.1]:\(port) ".utf8) + keys.appending("host.pub").contents())
    }

    /// What `Tests/Tools/cut-proxy` passes on.
    struct Line {
        static var program: FilePath { Python.root.appending("Tests/Tools/cut-proxy") }

        let folder: FilePath
        /// The port behind it.
        var target = 0

        /// How many bytes went there.
        var sent: Int {
            get throws {
                let text = String(decoding: try folder.appending("sent").contents(), as: UTF8.self)
                return try #require(Int(text), "\(text)")
            }
        }

        func cut(after bytes: Int) throws {
            try folder.appending("limit").replaceContents(Array("\(try sent + bytes)".utf8))
        }

        func mend() throws { try folder.appending("limit").remove() }

        func refuse(_ method: String) throws {
            try folder.appending("refused").replaceContents(Array(method.utf8))
        }
    }
}
