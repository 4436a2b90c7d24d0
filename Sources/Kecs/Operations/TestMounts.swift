// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// What `test mount` found.
public struct MountReport: OperationReport {
    public static let kind = "MountReport"
    public var outcome: Outcome
    /// Everything of the outside that the server is given; empty when it sees this host's own paths.
    public var mounts: [Mount]
    /// What is wrong with them; nil when nothing is.
    public var failure: Failure?
    public var durationSeconds: Double

    public var failedStatus: Failure.Kind { .damaged }

    public struct Mount: Encodable, Hashable, Sendable {
        public enum Result: String, Encodable, Sendable {
            /// What is written on one side is there on the other.
            case same
            case different
            case unknown
            /// Not looked at yet: `--dry-run`.
            case planned
        }
        /// As the server sees it.
        public var inside: String
        /// On this host; a volume's name where its folder cannot be reached here.
        public var outside: String
        public var writable: Bool
        public var result: Result
        /// Why it is not the same, or cannot be told.
        public var why: String?
    }

    public var warnings: [String] {
        mounts.filter { $0.result == .unknown }.map { "\($0.inside) could not be tested: \($0.why ?? "")" }
    }
}

/// The guide's test for a database that does not persist: a file that is made on one side of each mount must be there on the
/// other. Restarts nothing and leaves nothing behind.
public struct TestMounts: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    static let probePrefix = ".kecsctl-mount-test-"

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, dryRun: Bool = false) async throws -> MountReport {
        let began = site.machine.clock.elapsed()
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let inventory = try await site.inventory(of: instance, databases: .none)
        guard let mounts = inventory.mounts, !mounts.isEmpty else {
            return MountReport(outcome: .already, mounts: [], durationSeconds: 0)
        }
        guard dryRun || state == .running else {
            throw Failure(
                .failed, "“\(instance.name)” is \(state.name), so nobody sees what is mounted",
                remedy: "kecsctl start \(instance.name)")
        }
        var report = MountReport(outcome: .done, mounts: [], durationSeconds: 0)
        for mount in mounts.sorted(by: { $0.inside.string < $1.inside.string }) where try Self.isState(mount)
        {
            try site.machine.cancellation.check()
            report.mounts.append(
                try await look(at: mount, runtime, on: inventory.engineHost, dryRun: dryRun))
        }
        let results = Set(report.mounts.map(\.result))
        report.outcome =
            dryRun
            ? .planned
            : results.contains(.different) ? .failed : results.contains(.unknown) ? .partial : .done
        let wrong = report.mounts.filter { $0.result == .different }
        if !wrong.isEmpty {
            report.failure = Failure(
                .damaged, "what the server of “\(instance.name)” writes is not what lies here",
                cause: wrong.map { "\($0.inside): \($0.why ?? "")" }.joined(separator: "; "),
                remedy: "kecsctl status \(instance.name) --deep")
        }
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return report
    }

    /// Returns false for a socket or a device, such as docker's: nothing is written there that could be compared.
    private static func isState(_ mount: ServerMount) throws -> Bool {
        guard case .host(let path) = mount.source, let status = try FileStatus.following(path) else {
            return true
        }
        return status.kind == .folder || status.kind == .file
    }

    private func look(
        at mount: ServerMount, _ runtime: any Runtime, on host: EngineHost, dryRun: Bool
    ) async throws -> MountReport.Mount {
        let place: FilePath?
        var found: MountReport.Mount
        switch mount.source {
        case .host(let path):
            place = path
            found = .init(
                inside: mount.inside.string, outside: path.string, writable: mount.isWritable,
                result: .planned)
        case .volume(let name):
            place = try await runtime.volumeAccess.folder(ofVolume: name)
            found = .init(
                inside: mount.inside.string, outside: place?.string ?? name, writable: mount.isWritable,
                result: .planned)
        }
        guard !dryRun else { return found }
        let verdict: Verdict
        switch (host, place) {
        case (_, nil): verdict = .unknown("the volume “\(found.outside)” cannot be reached on this host")
        case (.another, _): verdict = .unknown("its engine is on another machine")
        case (.unknown(let why), _): verdict = .unknown(why)
        case (.thisMachine, let place?): verdict = try await compare(place, mount.inside, runtime)
        }
        (found.result, found.why) =
            switch verdict {
            case .same: (.same, nil)
            case .different(let why): (.different, why)
            case .unknown(let why): (.unknown, why)
            }
        return found
    }

    private enum Verdict {
        case same
        case different(String)
        case unknown(String)
    }

    private func compare(
        _ place: FilePath, _ inside: FilePath, _ runtime: any Runtime
    ) async throws -> Verdict {
        guard let status = try FileStatus.following(place) else {
            return .different("there is no \(place) on this host any more")
        }
        if status.kind == .folder { return try await probe(place, inside, runtime) }
        guard status.kind == .file, let here = try SeenDatabase(of: place) else {
            return .unknown("\(place) is neither a folder nor a file")
        }
        // An editor that replaced the file leaves the server with the old one.
        return try await verdict(runtime, inside) { seen in
            seen.isSame(as: here)
                ? .same : .different("the server has another file than \(place), which was replaced since")
        }
    }

    /// Makes a file here that the server must see.
    private func probe(_ folder: FilePath, _ inside: FilePath, _ runtime: any Runtime) async throws -> Verdict
    {
        let probe = folder.appending(Self.probePrefix + hex(site.machine.random(16)))
        do {
            // What a killed test left.
            for name in try folder.entries() where name.string.hasPrefix(Self.probePrefix) {
                try folder.appending(name).remove()
            }
            try probe.replaceContents([])
        } catch let error as FileError {
            return .unknown("no file can be made in it: \(error)")
        }
        let verdict: Verdict
        do {
            // Nobody else can have made a file of this name.
            verdict = try await self.verdict(runtime, inside.appending(probe.components.suffix(1))) { _ in
                .same
            }
        } catch {
            try probe.remove()
            throw error
        }
        try probe.remove()
        if case .different = verdict {
            return .different("a file that is made in \(folder) is not there for the server")
        }
        return verdict
    }

    private func verdict(
        _ runtime: any Runtime, _ inside: FilePath, _ seen: (SeenDatabase) -> Verdict
    ) async throws -> Verdict {
        switch try await runtime.server.serverDatabase(at: inside) {
        case nil: .unknown("the server cannot be asked")
        case .unknown(let why): .unknown(why)
        case .nothing(let path): .different("the server sees no \(path)")
        case .database(let database): seen(database)
        }
    }
}
