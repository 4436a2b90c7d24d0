// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsDoctor
import KecsSystem
public import SystemPackage

/// The files in which people wrote down how they back up, build and run: crontabs, scripts, compose files, Dockerfiles.
public struct ProjectFiles: Sendable {
    public var files: [Surroundings.TextFile]
    /// The folders that were searched.
    public var folders: [FilePath]
    /// The files of those folders that git tracks, as `git ls-files` prints them.
    public var tracked: Known<[FilePath]>

    public init(
        files: [Surroundings.TextFile] = [], folders: [FilePath] = [], tracked: Known<[FilePath]> = .known([])
    ) {
        self.files = files
        self.folders = folders
        self.tracked = tracked
    }

    public static let fileLimit = 300
    private static let below = ["scripts", "bin", "docker", "deploy", "ops", "backup", ".github/workflows"]

    /// Gathers the files of the working folder, and of the folders of compose files and of data outside the home. It
    /// searches no folders below them, except for the usual places of scripts.
    ///
    /// - Parameter limit: The limit for git, in each folder.
    public static func gather(_ site: Site, limit: Duration = .seconds(5)) async -> ProjectFiles {
        var folders: [FilePath] = []
        let around = await Surroundings.gather(site)
        if let here = around.workingFolder { folders.append(here) }
        for name in (try? site.instanceNames()) ?? [] {
            guard let instance = try? site.instance(name, checksPlace: false) else { continue }
            if let files = instance.config.settings["composeFile"]?.string {
                folders += ComposeFiles.list(files).map { $0.removingLastComponent() }
            }
            if let data = try? instance.dataFolder(), !data.starts(with: site.home.path) {
                folders.append(data.removingLastComponent())
            }
        }
        var project = ProjectFiles()
        var seen: Set<FilePath> = []
        for folder in folders where folder.components.count > 0 && seen.insert(folder).inserted {
            project.folders.append(folder)
            for place in [folder] + below.map({ FilePath("\(folder)/\($0)") }) { project.add(place) }
        }
        project.files = around.crontabs + around.scripts + project.files
        var tracked: [FilePath] = []
        for folder in project.folders {
            switch await trackedFiles(in: folder, site, limit) {
            case .known(let files): tracked += files
            case .unknown(let why):
                project.tracked = .unknown(why)
                return project
            }
        }
        project.tracked = .known(tracked)
        return project
    }

    private mutating func add(_ folder: FilePath) {
        guard let names = try? folder.entries() else { return }
        for name in names where Self.isText(name.string) && files.count < Self.fileLimit {
            let path = folder.appending(name)
            guard (try? FileStatus.of(path))?.kind == .file, let bytes = try? path.contents(limit: 1 << 20),
                !bytes.prefix(4096).contains(0)
            else { continue }
            files.append(Surroundings.TextFile(path: path, text: String(decoding: bytes, as: UTF8.self)))
        }
    }

    static func isText(_ name: String) -> Bool {
        let name = name.lowercased()
        return [".sh", ".bash", ".yml", ".yaml", ".cron", ".mk"].contains { name.hasSuffix($0) }
            || name.hasPrefix("dockerfile") || name.hasSuffix("dockerfile") || name == "makefile"
            || name == "crontab"
            || name.hasPrefix("entrypoint") || name == "backup" || name == "restore"
            || name.hasPrefix("justfile")
    }

    /// Returns the tracked files; none when it is no working tree, or when there is no git.
    private static func trackedFiles(
        in folder: FilePath, _ site: Site, _ limit: Duration
    ) async -> Known<[FilePath]> {
        var call = ProcessCall("git", "-C", folder.string, "ls-files", "-z")
        call.limit = limit
        // A repository may configure programs to run; listing files needs none of them.
        call.environment = ["GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"]
        call.arguments = ["-c", "core.fsmonitor=false"] + call.arguments
        do {
            let result = try await site.machine.processes.run(call)
            if result.succeeded {
                return .known(result.output.split(separator: 0).map { folder.appending(bytes: Array($0)) })
            }
            // 128 is git's own “fatal”: no working tree.
            if result.end == .exited(128), result.errorText.contains("not a git repository") {
                return .known([])
            }
            return .unknown("git in \(folder): \(result.complaint)")
        } catch ProcessError.notFound {
            return .known([])
        } catch {
            return .unknown("git in \(folder): \(error)")
        }
    }
}
