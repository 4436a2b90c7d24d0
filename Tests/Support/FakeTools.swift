// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
public import SystemPackage

/// Executables on a temporary `PATH` that replace docker, k3d and others. They are real files, run by a real shell:
/// quoting, streams, signals and exit codes are the real ones.
public struct FakeTools: Sendable {
    public let folder: FilePath
    private var log: FilePath { folder.appending(".calls") }

    public init(in folder: FilePath) throws {
        self.folder = folder
        try folder.createFolder()
    }

    /// The value of `PATH`: the fake tools first, then the system's own for the scripts' calls.
    public var path: String { "\(folder):/usr/bin:/bin" }

    /// Writes or replaces a tool.
    ///
    /// - Parameter script: POSIX sh. `$FAKES` is the folder, in which it may keep state between calls.
    public func add(_ name: String, _ script: String) throws {
        let text = """
            #!/bin/sh
            FAKES='\(folder)'
            printf '%s\\0' "$#" '\(name)' "$@" >>"$FAKES/.calls"
            \(script)

            """
        let tool = folder.appending(name)
        try tool.replaceContents(Array(text.utf8), mode: 0o755)
        try awaitNoWriter(of: tool)
    }

    /// Adds k3d, kubectl and docker as played by the program `standin`, with the world in a folder.
    public func addStandIns(_ program: FilePath, world: FilePath) throws {
        // The stand-in looks for its recordings next to the world.
        let fixtures = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .removingLastComponent()
            .appending("Tests/Fixtures")
        let link = world.appending("recordings")
        let code = fixtures.withPlatformString { target in link.withPlatformString { symlink(target, $0) } }
        guard code == 0 else { throw FileError.last("link", link) }
        for tool in ["k3d", "kubectl", "docker"] {
            try add(tool, "exec '\(program)' '\(world)' \(tool) \"$@\"")
        }
    }

    /// Returns every call of every tool so far: its name and its arguments.
    public func calls() throws -> [[String]] {
        guard try log.isPresent else { return [] }
        var words = try log.contents().split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }[...]
        var calls: [[String]] = []
        while let first = words.popFirst(), let count = Int(first) {
            calls.append(Array(words.prefix(count + 1)))
            words = words.dropFirst(count + 1)
        }
        return calls
    }

    /// Waits until no process has the tool open for writing. A child that another test forks right now has a copy of
    /// our descriptor until its exec, and a file that is open for writing cannot be run (ETXTBSY). The kernel grants a
    /// read lease only when no descriptor is open for writing.
    private func awaitNoWriter(of tool: FilePath) throws {
        let file = tool.withPlatformString { open($0, O_RDONLY | O_CLOEXEC) }
        guard file >= 0 else { throw FileError.last("open", tool) }
        defer { close(file) }
        while clinux_probe_lease(file) != 0 {
            // A file system without leases offers no other check.
            guard errno == EAGAIN else { return }
            sched_yield()
        }
    }
}
