// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// The work of the engine, which continues even if the client that asked for it is gone.
struct Engine {
    let scene: Scene

    // MARK: Ending

    /// Ends containers after the time that their servers take for it, and returns when they have ended. The client may
    /// be killed meanwhile.
    func stop(_ containers: [String]) {
        guard !containers.isEmpty else { return }
        // Only this run: a container that is started again meanwhile is not stopped.
        let runs = scene.world.containers.filter { containers.contains($0.name) }.map(\.run)
        guard scene.world.stopMilliseconds > 0 else { return settle(runs) }
        Self.spawn([scene.folder.string, "end"] + runs)
        while scene.world.containers.contains(where: { runs.contains($0.run) && $0.status != "exited" }) {
            usleep(5000)
        }
    }

    /// Performs the engine's own part of a stop.
    func end(_ runs: some Sequence<String>) -> Never {
        Self.leave()
        usleep(UInt32(scene.world.stopMilliseconds) * 1000)
        settle(Array(runs))
        _exit(0)
    }

    private func settle(_ runs: [String]) {
        let servers = scene.change { world -> [pid_t] in
            var servers: [pid_t] = []
            for index in world.containers.indices where runs.contains(world.containers[index].run) {
                guard ["running", "paused"].contains(world.containers[index].status) else { continue }
                world.containers[index].status = "exited"
                world.containers[index].finishedAt = "\(SystemClock().now())"
                if world.containers[index].pid > 0 { servers.append(world.containers[index].pid) }
                world.containers[index].pid = 0
            }
            return servers
        }
        for server in servers {
            kill(server, SIGTERM)
            while isAlive(server) { usleep(2000) }
        }
    }

    private func isAlive(_ pid: pid_t) -> Bool {
        guard kill(pid, 0) == 0 else { return false }
        let status = (try? FilePath("/proc/\(pid)/stat").contents()).map {
            String(decoding: $0, as: UTF8.self)
        }
        return status.map { !$0.contains(") Z ") } ?? false
    }

    // MARK: Starting

    /// Starts a process of its own that listens on the container's ports, as an engine does.
    ///
    /// - Returns: False when a port is taken.
    func serve(_ container: World.Container) -> Bool {
        for port in container.ports {
            guard let number = UInt16(exactly: port.host), (try? Ports.isFree(number)) == true else {
                return false
            }
        }
        guard !container.ports.isEmpty else { return true }
        let pid = Self.spawn([scene.folder.string, "serve", container.id])
        scene.change { world in
            for index in world.containers.indices where world.containers[index].id == container.id {
                world.containers[index].pid = pid
            }
        }
        let ready = scene.folder.appending("serving-\(container.id)")
        while !isThere(ready), isAlive(pid) { usleep(2000) }
        return true
    }

    /// Leaves the session of the caller and closes its open files. A process that `spawn` started calls it first.
    static func leave() {
        setsid()
        for descriptor in CInt(3)..<64 { close(descriptor) }
    }

    /// Starts a process without the environment of the caller.
    @discardableResult
    private static func spawn(_ arguments: [String]) -> pid_t {
        var pid = pid_t()
        var argv = (["standin"] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for pointer in argv { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in CInt(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        guard posix_spawn(&pid, "/proc/self/exe", &actions, nil, &argv, &envp) == 0 else { return 0 }
        return pid
    }
}

/// The process of a container. It answers `/health` on the port that publishes 8081, and an empty ECS API on the
/// others. It ends with its container, and when the world is deleted.
struct Server {
    let scene: Scene
    let container: String

    func run() -> Never {
        Engine.leave()
        signal(SIGPIPE, SIG_IGN)
        guard let own = scene.world.containers.first(where: { $0.id == container }) else { _exit(1) }
        var doors: [(socket: CInt, inner: Int)] = []
        for port in own.ports {
            guard let socket = listen(port.host) else { _exit(1) }
            doors.append((socket, port.inner))
        }
        let ready = scene.folder.appending("serving-\(container)")
        do { try ready.replaceContents([]) } catch { _exit(1) }
        while true {
            var events = doors.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
            poll(&events, nfds_t(events.count), 100)
            guard let world = try? World.read(from: scene.folder, withObjects: false),
                let now = world.containers.first(where: { $0.id == container })
            else { break }
            // Its pid is recorded a moment after its start.
            if now.status == "exited" || now.pid != 0 && now.pid != getpid() { break }
            guard now.status != "paused" else {
                usleep(20_000)
                continue
            }
            for (event, door) in zip(events, doors) where event.revents != 0 {
                answer(accept(door.socket, nil, nil), door.inner)
            }
        }
        _ = try? ready.remove()
        _exit(0)
    }

    private func listen(_ port: Int) -> CInt? {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var yes: CInt = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        return isBound && Glibc.listen(socket, 16) == 0 ? socket : nil
    }

    private func answer(_ client: CInt, _ inner: Int) {
        defer { close(client) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        guard read(client, &buffer, buffer.count) > 0 else { return }
        var status = 200
        var body = "{\"clusterArns\":[],\"serviceArns\":[]}"
        if inner == 8081 {
            let health = scene.change { world -> World.Health in
                guard let first = world.health.first else {
                    return World.Health(
                        status: 200, body: "{\"status\":\"healthy\",\"persistence\":{\"status\":\"healthy\"}}"
                    )
                }
                if let times = first.times {
                    world.health[0].times = times - 1
                    if times <= 1 { world.health.removeFirst() }
                }
                return first
            }
            guard health.status > 0 else { return }
            (status, body) = (health.status, health.body)
        }
        let text =
            "HTTP/1.1 \(status) Whatever\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        scene.say(text, to: client)
    }
}
