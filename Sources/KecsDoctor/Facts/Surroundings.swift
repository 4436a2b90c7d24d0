// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
public import SystemPackage

/// The surroundings of the instances: file systems, schedules, the folder from which the doctor was called.
public struct Surroundings: Sendable {
    public var mounts: Known<MountTable>
    /// Every crontab that this user may read, with its name for messages.
    public var crontabs: [TextFile]
    /// The scripts that the crontabs call by their whole path.
    public var scripts: [TextFile] = []
    /// The systemd units whose text names kecsctl.
    public var units: [TextFile]
    public var workingFolder: FilePath?
    public var history: Known<History.Contents>
    /// The processors that may be used; 1.5 if a control group's quota says so.
    public var processors = Resources.processors()
    /// Memory in bytes that may be used.
    public var memory: Known<Int64> = Resources.memory()
    /// Returns the use of the file system of a path.
    public var use: @Sendable (FilePath) throws -> FileSystemUse = { try FileSystemUse.at($0) }

    public init(
        mounts: Known<MountTable> = .unknown("not looked at"), crontabs: [TextFile] = [],
        units: [TextFile] = [], workingFolder: FilePath? = nil,
        history: Known<History.Contents> = .known(.init())
    ) {
        self.mounts = mounts
        self.crontabs = crontabs
        self.units = units
        self.workingFolder = workingFolder
        self.history = history
    }

    public struct TextFile: Sendable, Hashable {
        public var path: FilePath
        public var text: String

        public init(path: FilePath, text: String) {
            self.path = path
            self.text = text
        }

        /// Numbered from 1.
        public var lines: [(number: Int, text: Substring)] {
            text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
                ($0.offset + 1, $0.element)
            }
        }
    }

    /// Gathers the surroundings. An unreadable source is left out or unknown.
    public static func gather(_ site: Site) async -> Surroundings {
        var around = Surroundings()
        around.workingFolder = WorkingFolder.current
        do { around.mounts = .known(try MountTable.current()) } catch { around.mounts = .unknown("\(error)") }
        do { around.history = .known(try History(site.home).read()) } catch {
            around.history = .unknown("\(error)")
        }
        if let own = try? await Crontab.read(site.machine) {
            around.crontabs.append(TextFile(path: "crontab -l", text: own))
        }
        around.crontabs += texts(of: ["/etc/crontab"]) + texts(in: "/etc/cron.d")
        let called = around.crontabs.flatMap { file in
            file.lines.filter { !$0.text.hasPrefix("#") }.flatMap { line in
                line.text.split { " \t;&|'\"()".contains($0) }.filter { $0.hasPrefix("/") }.map {
                    FilePath(String($0))
                }
            }
        }
        around.scripts = texts(of: Array(Set(called)).sorted { $0.string < $1.string })
            .filter { !$0.text.utf8.prefix(4096).contains(0) }
        var folders: [FilePath] = ["/etc/systemd/system"]
        if let home = site.machine.environment["HOME"] {
            folders.append(FilePath(home + "/.config/systemd/user"))
        }
        around.units = folders.flatMap { texts(in: $0) }.filter { $0.text.contains("kecsctl") }
        return around
    }

    private static func texts(in folder: FilePath) -> [TextFile] {
        guard let names = try? folder.entries() else { return [] }
        return texts(of: names.map { folder.appending($0) })
    }

    /// Returns the readable files. An unreadable one is not ours to judge.
    private static func texts(of files: [FilePath]) -> [TextFile] {
        files.compactMap { path in
            guard (try? FileStatus.of(path.resolved()))?.kind == .file,
                let bytes = try? path.contents(limit: 1 << 20)
            else { return nil }
            return TextFile(path: path, text: String(decoding: bytes, as: UTF8.self))
        }
    }
}
