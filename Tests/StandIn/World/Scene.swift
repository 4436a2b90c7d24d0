// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// A call of one tool in the world.
struct Scene {
    let folder: FilePath
    let tool: String
    let arguments: [String]

    /// The engine's own folder, with the file that says which engine it is.
    var engineRoot: FilePath {
        let root = folder.appending("docker-root")
        do {
            try root.createFolder()
            try root.appending("engine-id").replaceContents(Array("STAND:IN:ID".utf8))
        } catch {
            unexpected("\(error)")
        }
        return root
    }

    /// Returns the folder of a call that was recorded with the real tools; nil when there is none of this name.
    private func recording(_ name: String) -> FilePath? {
        ["k3d-5.9", "docker-28"].map { folder.appending("recordings").appending($0).appending(name) }
            .first { isThere($0) }
    }

    /// Changes the world under a lock against other calls.
    ///
    /// - Parameter objects: True when `body` uses objects: then they are read and written as well.
    @discardableResult
    func change<Value>(objects: Bool = false, _ body: (inout World) -> Value) -> Value {
        let lock = folder.appending("world.lock").withPlatformString { open($0, O_RDWR | O_CREAT, 0o600) }
        while flock(lock, LOCK_EX) != 0 {}
        defer { close(lock) }
        do {
            var world = try World.read(from: folder, withObjects: objects)
            let value = body(&world)
            try world.write(to: folder, withObjects: objects)
            return value
        } catch {
            say("standin: \(error)\n", to: 2)
            _exit(99)
        }
    }

    /// The present world, without objects.
    var world: World {
        do { return try World.read(from: folder, withObjects: false) } catch { unexpected("\(error)") }
    }

    /// Ends a call that was never recorded. The test checks `unexpected`; the caller gets an error, as from a real
    /// tool.
    func unexpected(_ why: String) -> Never {
        change { $0.unexpected.append("\(([tool] + arguments).joined(separator: " ")): \(why)") }
        say("Error: \(why)\n", to: 2)
        _exit(1)
    }

    // MARK: Faults

    /// Performs a fault of this call. The tool itself handles a `die` at a certain point, because it knows the progress
    /// of the call.
    func meetFaults() {
        guard let fault = take(where: { $0.kind != "die" || tool == "docker" }) else { return }
        switch fault.kind {
        case "die": die()
        case "fail":
            let words = fault.says ?? "standin: it fails"
            if recording(words) != nil { _exit(replay(words)) }
            say(words + "\n", to: 2)
            _exit(1)
        case "hang":
            while true { sleep(1000) }
        case "lie":
            _exit(0)
        case "flood":
            let block = String(repeating: "x", count: 1 << 20) + "\n"
            for _ in 0..<100 { say(block, to: 1) }
        default: unexpected("the fault \(fault.kind)")
        }
    }

    /// Returns the fault for this call now, and counts it.
    func take(where isMeant: (Fault) -> Bool) -> Fault? {
        let line = ([tool] + arguments).joined(separator: " ")
        return change { world -> Fault? in
            for index in world.faults.indices
            where line.hasPrefix(world.faults[index].call) && isMeant(world.faults[index]) {
                if world.faults[index].after > 0 {
                    world.faults[index].after -= 1
                    continue
                }
                let fault = world.faults[index]
                if let times = fault.times {
                    if times <= 1 {
                        world.faults.remove(at: index)
                    } else {
                        world.faults[index].times = times - 1
                    }
                }
                return fault
            }
            return nil
        }
    }

    func die() -> Never {
        kill(getpid(), SIGKILL)
        _exit(137)
    }

    // MARK: Recordings

    func recorded(_ name: String, _ stream: String = "stdout") -> String {
        do {
            guard let recording = recording(name) else { unexpected("no recording \(name)") }
            return String(decoding: try recording.appending(stream).contents(), as: UTF8.self)
        } catch {
            unexpected("the recording \(name): \(error)")
        }
    }

    /// Prints the recorded output, with the present names.
    ///
    /// - Parameter names: The names in the recording, with their replacements.
    /// - Returns: The recorded exit status.
    func replay(_ name: String, names: [(String, String)] = []) -> Int32 {
        for (stream, descriptor) in [("stdout", CInt(1)), ("stderr", 2)] {
            for line in recorded(name, stream).split(separator: "\n", omittingEmptySubsequences: true) {
                print(String(line), names: names, to: descriptor)
            }
        }
        return Int32(recorded(name, "exit").prefix { $0.isNumber }) ?? 0
    }

    /// Prints a line, as LOG_LEVEL and LOG_COLORS demand: INFO and below to stdout, the rest to stderr.
    func print(_ line: String, names: [(String, String)], to descriptor: CInt) {
        var line = line
        for (old, new) in names { line = line.replacing(old, with: new) }
        guard let log = LogLine(line) else { return say(line + "\n", to: descriptor) }
        let environment = Scene.environment
        let threshold = LogLine.levels.firstIndex(of: environment["LOG_LEVEL"] ?? "info") ?? 2
        guard log.rank >= threshold else { return }
        if environment["LOG_COLORS"] == "0" || environment["LOG_COLORS"] == "false" {
            let text = log.text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            line = "time=\"2026-11-21T02:01:45Z\" level=\(LogLine.levels[log.rank]) msg=\"\(text)\""
        }
        say(line + "\n", to: descriptor)
    }

    func say(_ text: String, to descriptor: CInt) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    static var environment: [String: String] {
        var all: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let words = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if words.count == 2 { all[String(words[0])] = String(words[1]) }
            entry += 1
        }
        return all
    }
}

/// A line of k3d's log: `ESC[36mINFO ESC[0m[0003] text`.
struct LogLine {
    static let levels = ["trace", "debug", "info", "warn", "error", "fatal"]
    static let marks = ["TRAC", "DEBU", "INFO", "WARN", "ERRO", "FATA"]
    let rank: Int
    let text: String

    init?(_ line: String) {
        guard line.hasPrefix("\u{1b}["), let start = line.firstIndex(of: "m") else { return nil }
        let rest = line[line.index(after: start)...]
        guard let rank = Self.marks.firstIndex(of: String(rest.prefix(4))),
            let end = rest.firstRange(of: "] ")
        else { return nil }
        self.rank = rank
        var text = String(rest[end.upperBound...])
        while text.hasSuffix(" ") { text.removeLast() }
        self.text = text
    }
}

/// Returns true when a path exists, as far as this process can see.
func isThere(_ path: FilePath) -> Bool { path.withPlatformString { access($0, F_OK) } == 0 }
