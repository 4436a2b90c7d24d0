// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The other end's preflight: what stands in the way of an instance that is about to come here. Changes nothing, except
/// that an image may be fetched.
public struct LookAtArrival: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ question: Arrival.Question) async throws -> Arrival.Look {
        let name = try InstanceName(checking: question.name)
        let place = ArrivalPlace(store: site.home.backupStore(of: name))
        let record = try place.record()
        var look = Arrival.Look(
            tool: site.tool.version, home: site.home.path.string, problems: [], ports: [:],
            landed: nil, notes: [])
        func note(_ body: () async throws -> Void) async {
            do { try await body() } catch { look.problems.append(.init(Failure.describing(error))) }
        }
        await note { try checkVersion(of: question) }
        await note { try checkRoom(question) }
        let isAgain = !question.isClone && record?.instanceId == question.config.id && record?.landed != nil
        if isAgain { look.landed = record?.landed }
        let settled = SettleConfig(site: site, question: question)
        await note { try checkName(name, question, record) }
        await note {
            let (config, notes) = try settled.run(name)
            look.notes = notes
            let instance = try site.instance(name, config: config)
            for key in SettingKey.ports { look.ports[key.rawValue] = try instance.settings.number(key) }
            let runtime = try site.runtime(instance)
            if case .unknown(let why) = await runtime.state() {
                throw Failure(
                    .unreachable, "cannot determine whether “\(name)” could run",
                    cause: why, remedy: "kecsctl doctor")
            }
            if let sealed = question.sealed {
                await note { try await SealedProbe(site: site).check(sealed, instance.settings) }
            }
            // What has come here already may run, and has its ports and its volumes.
            guard !isAgain else { return }
            await note { try checkPrograms(instance) }
            await note { if !question.isClone { try checkPorts(instance) } }
            await note { try await checkRuntime(instance, runtime, question) }
        }
        return look
    }

    // MARK: The questions

    private func checkVersion(of question: Arrival.Question) throws {
        guard question.dialect == Arrival.dialect,
            !Version(site.tool.version).isOlder(than: Version(question.tool))
        else {
            throw Failure(
                .usage, "its kecsctl is older: \(site.tool.version) there, \(question.tool) here",
                cause: "what a newer one has written is not given to an older one",
                remedy: "kecsctl version")
        }
    }

    private func checkRoom(_ question: Arrival.Question) throws {
        var place = site.home.path
        while try !place.isPresent, place != "/" { place = place.removingLastComponent() }
        let free = try site.machine.freeSpace(place)
        let needed = ByteCount(question.sourceBytes + (16 << 20))
        guard needed <= free else { throw Self.noRoom(needed: needed, free: free, in: place) }
    }

    static func noRoom(needed: ByteCount, free: ByteCount, in place: FilePath) -> Failure {
        Failure(
            .noRoom, "not enough free space",
            cause: "\(free) are free in \(place) and about \(needed) are needed", remedy: "df -h")
    }

    /// The name is free, or has what is to come: of a move that was cut off, or from before it moved away from here.
    private func checkName(
        _ name: InstanceName, _ question: Arrival.Question, _ record: ArrivalPlace.Record?
    ) throws {
        if let record, record.instanceId == question.config.id, !question.isClone { return }
        let folder = site.home.folder(of: name)
        if question.isClone, try !folder.path.isPresent, try holdsOnlyArrival(name) { return }
        if !question.isClone, try folder.path.isFolder {
            let here = try site.instance(name, checksPlace: false)
            guard here.config.id == question.config.id else { throw site.isTaken(name) }
            if try MoveRecord.read(folder.move)?.isDone == true { return }
            throw Failure(
                .usage, "“\(name)” is here already, the same instance",
                cause: "what it has here would be lost; it did not come here by a move that is not finished",
                remedy: "kecsctl status \(name)")
        }
        try site.checkIsFree(name)
    }

    /// The store has nothing but what a clone that was cut off has left.
    private func holdsOnlyArrival(_ name: InstanceName) throws -> Bool {
        let store = site.home.backupStore(of: name).folder
        guard try store.isFolder else { return false }
        return try store.entries().allSatisfy { $0.string == ArrivalPlace.folderName }
    }

    private func checkPorts(_ instance: Instance) throws {
        for key in SettingKey.ports {
            guard let port = try instance.settings.number(key), let number = UInt16(exactly: port),
                try !Ports.isFree(number)
            else { continue }
            let holder = Ports.holder(of: number)
            throw Failure(
                .failed, "the port \(port) that “\(instance.name)” needs is taken",
                cause: holder.map { "process \($0.pid) listens on it: \($0.command)" },
                remedy: "ss -ltnp")
        }
        for other in try site.instanceNames() where other != instance.name {
            guard let other = try site.soundInstance(other) else { continue }
            for key in SettingKey.ports {
                guard let port = try instance.settings.number(key),
                    try SettingKey.ports.contains(where: { try other.settings.number($0) == port })
                else { continue }
                throw Failure(
                    .failed, "the port \(port) that “\(instance.name)” needs is that of “\(other.name)”",
                    remedy: "kecsctl status \(other.name)")
            }
        }
    }

    /// The server's program, and files that it is made of.
    private func checkPrograms(_ instance: Instance) throws {
        if instance.config.runtime.runsOnHost, let command = try instance.settings.text(.command) {
            let words = try ShellWords(command).words
            guard let program = words.first(where: { !$0.contains("=") }) else { return }
            do {
                _ = try ProgramLookup.find(program, path: site.machine.environment["PATH"])
            } catch {
                throw Failure(
                    .unreachable, "the program of “\(instance.name)” is not there",
                    cause: "its command is: \(command)",
                    remedy: "command -v \(ShellWords.quote([program]))")
            }
        }
        for file in (try instance.settings.text(.composeFile) ?? "").split(separator: ":") {
            guard try !FilePath(String(file)).isPresent else { continue }
            throw Failure(
                .notFound, "the compose file of “\(instance.name)” is not there",
                cause: "there is no \(file)",
                remedy: "ls -l \(ShellWords.quote([String(file)]))")
        }
    }

    /// The engine answers, has the image or gets it, and has nothing that would be taken for what is to come.
    private func checkRuntime(
        _ instance: Instance, _ runtime: any Runtime, _ question: Arrival.Question
    ) async throws {
        _ = try await runtime.provision.prepare()
        _ = try await runtime.server.statePlace()
        let cameBefore = try !question.isClone && site.home.folder(of: instance.name).path.isFolder
        guard !cameBefore else { return }
        let state = await runtime.state()
        let ties = try await runtime.provision.nameTies()
        guard !state.mayWrite, ties.isFree else {
            throw Failure(
                .usage, "something there runs as “\(instance.name)” already",
                cause: ties.words ?? "it is \(state.name)",
                remedy: "docker ps --all")
        }
        for volume in question.volumes {
            do { _ = try await runtime.volumeAccess.room(inVolume: volume) } catch let failure as Failure
                where failure.kind == .notFound
            { continue }
            throw Failure(
                .usage, "there is a volume “\(volume)” already", cause: "what is in it would be lost",
                remedy: "docker volume inspect \(volume)")
        }
    }
}

extension NameTies {
    fileprivate var words: String? {
        switch self {
        case .free: nil
        case .made(let things): things.joined(separator: ", ")
        case .fixed(let why): why
        }
    }
}

/// “0.12.0”: numbers that are compared one by one.
private struct Version {
    private let numbers: [Int]

    init(_ text: String) {
        numbers = text.split(separator: "-")[0].split(separator: ".").map { Int($0) ?? 0 }
    }

    func isOlder(than other: Version) -> Bool { numbers.lexicographicallyPrecedes(other.numbers) }
}
