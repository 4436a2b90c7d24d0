// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

extension CheckScene {
    func sidecar(_ suffix: String) -> FilePath { FilePath(database.string + suffix) }

    func setSetting(_ key: String, _ value: JSONValue) throws {
        var config = try JSONFile.read(InstanceConfig.self, from: folder.config)
        config.settings[key] = value
        try config.write(to: folder.config)
    }

    /// Lets other users pass through to the instance's folder.
    func openFolders() throws {
        for path in [
            home.folder.removingLastComponent(), home.folder, site.home.path, site.home.instances,
            folder.path,
        ] {
            try path.setMode(0o711)
        }
    }

    /// As if a kecsctl had been at work for so long.
    func hold(since: Duration) throws {
        let holder = FileLock.Holder(
            process: try ProcessIdentity.current(), command: "kecsctl backup dev",
            since: CheckScene.now - since)
        try folder.lock.replaceContents(try JSONFile.encode(holder))
    }

    /// Makes the data folder's files have so many bytes together.
    func fillData(_ bytes: Int64) throws {
        let blob = folder.data.appending("blob")
        if try blob.isPresent { try blob.remove() }
        let others = try TreeFacts.of(folder.data, cancellation: Cancellation()).bytes
        try sparse(blob, bytes - others)
        #expect(try TreeFacts.of(folder.data, cancellation: Cancellation()).bytes == bytes)
    }

    /// One more file system, mounted there.
    mutating func mount(_ point: FilePath, _ kind: String, _ options: String = "rw") {
        surroundings.mounts = .known(
            MountTable(CheckScene.ext4 + "23 22 8:2 / \(point) \(options) - \(kind) /dev/sdb1 rw\n"))
    }

    /// A health address of this instance that answers so.
    func serve(_ json: String) throws {
        let server = try TestServer(
            .answers("HTTP/1.1 200 OK\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"))
        keep(server)
        try setSetting("healthUrl", .string("http://127.0.0.1:\(server.port)/health"))
    }

    /// A docker whose image has one layer with these files: the stream is as `docker image save` writes it, by tar.
    mutating func serveImage(_ files: [String: [UInt8]]) async throws {
        let place = home.folder.appending("image")
        if try place.isPresent { try place.removeTree() }
        for (name, bytes) in files {
            let file = FilePath("\(place)/root/\(name)")
            try file.removingLastComponent().createFolder()
            try file.replaceContents(bytes)
        }
        try FilePath("\(place)/out/abc").createFolder()
        let processes = SystemProcesses(environment: home.environment, cancellation: Cancellation())
        for arguments in [
            ["-C", "\(place)/root", "-cf", "\(place)/out/abc/layer.tar", "."],
            ["-C", "\(place)/out", "-cf", "\(place)/saved.tar", "."],
        ] {
            try #require(await processes.run(ProcessCall("tar", arguments)).succeeded)
        }
        try home.tools.add(
            "docker",
            "case \"$2\" in inspect) echo 5000;; save) exec cat '\(place)/saved.tar';; *) exit 64;; esac")
        site.machine.processes = processes
    }

    // MARK: Projects

    /// A script with this text among what lies around.
    func script(_ text: String) throws -> ProjectFiles {
        let file = home.folder.appending("project/backup.sh")
        try write(file, text)
        return ProjectFiles(files: [.init(path: file, text: text)])
    }

    func git(_ arguments: String...) async throws {
        let folder = home.folder.appending("project").string
        let result = try await SystemProcesses(environment: home.environment, cancellation: Cancellation())
            .run(ProcessCall("git", ["-C", folder] + arguments))
        try #require(result.succeeded, "\(result.errorText)")
    }

    mutating func lookAtProject() async throws {
        site.machine.processes = SystemProcesses(
            environment: home.environment, cancellation: Cancellation())
        project = await ProjectFiles.gather(site, limit: .seconds(120))
        // The folder from which the tests are run is another project.
        let own = home.folder.appending("project")
        project.tracked = .known(try project.tracked.get().filter { $0.starts(with: own) })
    }

    /// Velero's backups of the sample, in the instance's own store.
    func putBackups(_ names: [String]) throws {
        let sample = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .removingLastComponent().appending("Fixtures/velero/minio-data/velero/backups")
        let target = folder.objectStore.appending("velero/backups")
        if try target.isPresent { try target.removeTree() }
        for name in names { try copy(sample.appending(name), to: target.appending(name)) }
    }

    private func copy(_ source: FilePath, to target: FilePath) throws {
        try target.createFolder()
        for name in try source.entries() {
            let from = source.appending(name)
            let to = target.appending(name)
            if try from.isFolder {
                try copy(from, to: to)
            } else {
                try to.replaceContents(try from.contents())
            }
        }
    }
}
