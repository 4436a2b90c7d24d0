// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Two engines in two network namespaces, and a real ssh between them.
    @Suite(
        .enabled(
            if: access("/usr/sbin/sshd", X_OK) == 0,
            "openssh-server is missing: scripts/setup tests installs it"))
    struct MoveTests {
        @Test func `a container moves to another engine, although the way there is cut twice`() async throws {
            try await DockerScene.with { scene in
                try await SecondMachine.with(scene) { other in
                    var scene = scene
                    scene.kecsctl.environment["PATH"] = other.path
                    try await Engine.build("kecs-test:plain")
                    try await other.build("kecs-test:plain")
                    try await scene.must(
                        [
                            "start", "dev", "--runtime", "docker", "--image", "kecs-test:plain", "--volume",
                            "kecs-extra:/extra",
                        ] + scene.ports)
                    try scene.insertRow("first")
                    var generator = SystemRandomNumberGenerator()
                    let noise = (0..<1_000_000).flatMap { _ in
                        withUnsafeBytes(of: generator.next(), Array.init)
                    }
                    let extra = FilePath(
                        try await Engine.docker(
                            "volume", "inspect", "--format", "{{.Mountpoint}}", "kecs-extra"
                        ).filter { !$0.isNewline })
                    try extra.appending("noise").replaceContents(noise, mode: 0o644)

                    // The first cut: this kecsctl is killed. The second one: the network is gone.
                    try other.cut("kill")
                    let killed = try await scene.kecsctl.run(["move", "dev"] + other.words)
                    #expect(killed.status == 128 + SIGKILL, "\(killed.errors)")
                    let first = try other.arrived()
                    #expect(first > 500_000)
                    try other.cut("link")
                    let cut = try await scene.kecsctl.run(["move", "dev"] + other.words)
                    #expect(cut.status == 14, "\(cut.errors)")
                    #expect(try other.arrived() > first)
                    #expect(try await scene.state() == "running")
                    #expect(try await other.docker("ps", "--all", "--quiet").isEmpty)
                    try await other.mend()
                    try scene.insertRow("second")

                    let report = try await scene.must(["move", "dev"] + other.words + ["-o", "json"]).first()
                    #expect(report["resumed"] == true && report["state"] == "running", "\(report)")
                    #expect(try await scene.state() == "stopped")
                    #expect(try await Engine.docker("ps", "--all", "--quiet").isEmpty == false)
                    #expect(try scene.rows(in: other.home.appending("instances/dev/data")) == 2)
                    #expect(try await other.docker("ps", "--quiet").isEmpty == false)
                    let there = FilePath(
                        try await other.docker(
                            "volume", "inspect", "--format", "{{.Mountpoint}}", "kecs-extra"
                        ).filter { !$0.isNewline })
                    #expect(try there.appending("noise").contents() == noise)
                    #expect(try extra.appending("noise").contents() == noise)
                    // What has its name there is not overwritten.
                    #expect(try await scene.kecsctl.run(["start", "dev", "--force"]).status == 0)
                    #expect(try await scene.kecsctl.run(["move", "dev"] + other.words).status == 64)
                }
            }
        }
    }
}

/// Another machine, made by `Tests/Tools/second-machine`.
private struct SecondMachine: Sendable {
    let folder: FilePath
    let home: FilePath
    let dockerHost: String
    let link: String
    /// Absolute, whatever the tests were started with.
    let program: String

    var path: String { "\(folder.appending("bin")):/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }
    var words: [String] { ["ssh://root@10.213.77.2\(home)", "--program", program] }

    static func with(_ scene: DockerScene, _ body: (SecondMachine) async throws -> Void) async throws {
        let folder = scene.root.appending("second")
        try folder.appending("bin").createFolder()
        let tool = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Tools/second-machine").string
        var pid = pid_t()
        var argv = [strdup(tool), strdup(folder.string), nil]
        var envp = [strdup("PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), strdup("HOME=/root"), nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let log = folder.appending("log").string
        for descriptor: CInt in [1, 2] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        try #require(posix_spawn(&pid, tool, &actions, nil, &argv, &envp) == 0)
        let isReady = try await SystemClock().wait(upTo: .seconds(120)) {
            try folder.appending("ready").isPresent
        }
        func text(_ name: String) throws -> String {
            String(decoding: try folder.appending(name).contents(), as: UTF8.self).filter { !$0.isNewline }
        }
        do {
            let log = try text("log")
            try #require(isReady, "\(log)")
            let machine = SecondMachine(
                folder: folder, home: scene.root.appending("there"), dockerHost: try text("docker-host"),
                link: try text("link"), program: try Kecsctl.program.realPath().string)
            try machine.installSSH()
            try await body(machine)
        } catch {
            try end(folder, pid)
            throw error
        }
        try end(folder, pid)
    }

    private static func end(_ folder: FilePath, _ pid: pid_t) throws {
        try folder.appending("end").replaceContents([])
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    /// The stock ssh, and a cut in the middle of what it is fed with.
    private func installSSH() throws {
        let place = home.appending("backups/dev/.arriving")
        let ssh = "/usr/bin/ssh -F \(folder.appending("ssh_config"))"
        let script = """
            #!/bin/bash
            for last; do :; done
            case $last in
            *" receive "*)
                if test -e \(folder.appending("cut")); then
                    how=$(cat \(folder.appending("cut")))
                    rm \(folder.appending("cut"))
                    case $how in
                    kill) head -c 2000000 | \(ssh) "$@"; kill -KILL $PPID ;;
                    link)
                        {
                            head -c 2000000
                            until test "$(du -sb \(place) | cut -f 1)" -gt 2500000; do sleep 0.05; done
                            ip link set \(link) down
                            cat
                        } | \(ssh) "$@"
                        ;;
                    esac
                    exit
                fi
                ;;
            esac
            exec \(ssh) "$@"

            """
        try folder.appending("bin/ssh").replaceContents(Array(script.utf8), mode: 0o755)
    }

    func cut(_ how: String) throws { try folder.appending("cut").replaceContents(Array(how.utf8)) }

    func mend() async throws {
        try await Engine.run(ProcessCall("ip", "link", "set", link, "up"))
        let isUp = try await SystemClock().wait(upTo: .seconds(60)) {
            let call = ProcessCall("ssh", "-F", folder.appending("ssh_config").string, "10.213.77.2", "true")
            return (try? await Engine.run(call)) != nil
        }
        try #require(isUp)
    }

    /// How many bytes are there of what is on its way.
    func arrived() throws -> Int64 {
        let place = home.appending("backups/dev/.arriving")
        return try place.entries().filter { $0.string.utf8.count == 64 }
            .reduce(0) { $0 + (try FileStatus.of(place.appending($1))?.size ?? 0) }
    }

    @discardableResult
    func docker(_ words: String...) async throws -> String {
        try await Engine.run(ProcessCall("docker", ["-H", dockerHost] + words))
    }

    func build(_ tag: String) async throws {
        let here = FilePath(#filePath).removingLastComponent().removingLastComponent()
        var call = ProcessCall(here.appending("Fixtures/docker/build-image").string, tag, "1")
        call.environment = ["DOCKER_HOST": dockerHost, "KECSCTL_TEST_ENGINE": folder.string]
        try await Engine.run(call)
    }
}
