// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

/// Finds the other processes that use an instance's parts now. Every verb that replaces or removes data and every start
/// searches again: a moment ago the answer may have been another one.
public struct FindHolders: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameters:
    ///   - parts: The parts to search. The instance's configuration is left out: an open editor harms nothing.
    ///   - isStopped: True when the instance's own server has ended: any remaining process of it counts as a holder.
    public func run(
        _ instance: Instance, _ parts: [Part], isStopped: Bool = false
    ) async throws -> Holders {
        let parts = parts.filter { part in
            if case .entries(let folder, _) = part.place { folder != instance.folder.path } else { true }
        }
        guard !parts.isEmpty else { return Holders() }
        let runtime = try site.runtime(instance)
        let others = try await runtime.engine.otherContainers(using: parts)
        var found = try FileHolders.below(try parts.flatMap(places))
        // Looked up after the holders. So a child that the server has started meanwhile is its own, and a process that
        // has ended since holds nothing.
        let own = isStopped ? [] : try await runtime.engine.ownProcesses()
        found.holders = try found.holders.filter { try !$0.hasEnded() }
        var holders = Holders()
        for user in others.users {
            holders.list.append(
                Holder(
                    container: user.name, what: "has \(user.mount)", mayWrite: user.mayWrite,
                    remedy: others.remedy(against: user.name)))
        }
        for process in found.holders {
            guard !own.contains(process.pid), others.own.isDisjoint(with: process.containers) else {
                continue
            }
            let known = process.containers.first { others.names[$0] != nil }
            if let id = known, let name = others.names[id] {
                if others.users.contains(where: { $0.id == id }) { continue }
                holders.list.append(
                    Holder(
                        container: name, what: "has \(process.path) open", mayWrite: process.mayWrite,
                        remedy: others.remedy(against: name)))
                continue
            }
            let verb =
                switch process.use {
                case .descriptor: "open"
                case .mapping: "mapped"
                case .lock: "locked"
                }
            holders.list.append(
                Holder(
                    pid: process.pid > 0 ? process.pid : nil,
                    name: String(process.command.masked.prefix(160)), what: "has \(process.path) \(verb)",
                    mayWrite: process.mayWrite))
        }
        if let sentence = Self.sentence(unseen: found.unseen, isRoot: Machine.userID == 0) {
            holders.unseen.append(sentence)
        }
        holders.unseen += [found.gap, others.unseen].compactMap(\.self)
        return holders
    }

    /// - Returns: Nil when there is none.
    static func sentence(unseen: [pid_t], isRoot: Bool) -> String? {
        guard !unseen.isEmpty else { return nil }
        // A few are named, so that an administrator knows where to look.
        let named =
            unseen.count <= 3
            ? "process" + (unseen.count == 1 ? " " : "es ")
                + unseen.map { pid in
                    ProcessIdentity.name(of: pid).map { "\(pid) (\(printable(Array($0.utf8))))" } ?? "\(pid)"
                }.joined(separator: ", ")
            : "\(unseen.count) processes"
        return "cannot see which files \(named) \(unseen.count == 1 ? "has" : "have") open; "
            + (isRoot ? "root needs CAP_SYS_PTRACE for it" : "root can")
    }

    /// Where a part lies on this host, with what links at its top lead to.
    private func places(_ part: Part) throws -> [FilePath] {
        switch part.place {
        case .entries(let folder, let named): return named.map { folder.appending($0) }
        case .volume(_, nil): return []
        case .folder(let folder), .volume(_, let folder?):
            guard try folder.resolved().isFolder else { return [folder] }
            let links = try folder.resolved().entries().map { folder.appending($0) }
                .filter { try FileStatus.of($0)?.kind == .symlink }
            return [folder] + links
        }
    }

    /// Returns the instance's existing parts. Without its container, only those in the instance's own folder.
    func parts(of instance: Instance) async throws -> [Part] {
        do {
            return try await site.inventory(of: instance, databases: .none).parts
                .filter { $0.presence != .missing }.map(\.part)
        } catch let failure as Failure where failure.kind == .notFound {
            return try instance.folderParts()
        }
    }

    /// The conditions on which a verb is refused or allowed.
    struct Demand: Sendable {
        /// "restored", "started": for “dev” cannot be … .
        var verb: String
        /// The same command with `--force`, for the cause.
        var force: Bool
        /// True when processes that only read are ignored.
        var writersOnly = false
        /// True when nothing of the instance's own should run any more.
        var isStopped = false
        /// True when the report names the processes that could not be examined.
        var tellsUnseen = true
    }

    /// - Returns: The holders that were overridden, and those that could not be examined: sentences for the report.
    /// - Throws: `Failure(.busy)` that names the holders.
    func check(_ instance: Instance, _ parts: [Part], _ demand: Demand) async throws -> [String] {
        var holders = try await run(instance, parts, isStopped: demand.isStopped)
        func hinder(_ holders: Holders) -> [Holder] {
            demand.writersOnly ? holders.list.filter(\.mayWrite) : holders.list
        }
        // A process that only looked at it is gone a moment later.
        if !demand.force, !hinder(holders).isEmpty, hinder(holders).allSatisfy({ !$0.mayWrite }) {
            _ = try await site.machine.clock.wait(upTo: .milliseconds(500), every: .milliseconds(100)) {
                try site.machine.cancellation.check()
                return false
            }
            holders = try await run(instance, parts, isStopped: demand.isStopped)
        }
        let found = hinder(holders)
        let unseen = demand.tellsUnseen ? holders.unseen : []
        guard let first = found.first else { return unseen }
        guard demand.force else {
            let rest = found.count > 1 ? " and \(found.count - 1) more" : ""
            throw Failure(
                .busy, "“\(instance.name)” cannot be \(demand.verb): \(first.title)\(rest) uses its data",
                cause: found.prefix(5).map { "\($0.title) \($0.what)" }.joined(separator: "; ")
                    + "; --force continues anyway",
                remedy: first.remedy)
        }
        return found.map { "overridden with --force: \($0.title) \($0.what)" } + unseen
    }
}

/// Refuses a second server on one data folder: two servers destroy each other's database, no matter who started them.
struct CheckExclusive: Sendable {
    let site: Site

    /// Compares with the other instances of this home. Refuses one that runs on the same folder, or on one in or around
    /// it, and one that owns the folder: because it lies in that instance's own, or else because that instance is
    /// older.
    ///
    /// - Throws: `Failure(.busy)` naming the other instance; `.usage` for a data folder in a folder of kecsctl's own.
    func run(_ instance: Instance) async throws {
        try SharedServer(site: site).check(instance, olderOnly: true)
        let folder = try instance.dataFolder().resolved()
        for (other, theirs) in try site.dataFolders(besides: instance.name)
        where folder.starts(with: theirs) || theirs.starts(with: folder) {
            let name = other.name
            let state = try await site.runtime(other).state()
            let isTheirs =
                switch (owns(instance, folder), owns(other, theirs)) {
                case (true, false): false
                case (false, true): true
                case (true, true), (false, false): other.config.createdAt < instance.config.createdAt
                }
            guard isTheirs || state == .running || state == .paused else { continue }
            throw Failure(
                .busy, "the data folder of “\(instance.name)” belongs to “\(name)” already",
                cause: "\(theirs) can have one control plane only"
                    + (state == .running ? ", and “\(name)” runs" : ""),
                remedy: instance.config.settings[SettingKey.dataDir.rawValue] != nil
                    ? "kecsctl config set dataDir --unset --instance \(instance.name)"
                    : "kecsctl stop \(name)")
        }
        try site.checkPlace(of: instance)
    }

    private func owns(_ instance: Instance, _ folder: FilePath) -> Bool {
        folder.starts(with: instance.folder.path.resolved())
    }
}
