// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Finds what a backup lacks: what the instance had when it was last good, and what was seen and not captured.
struct FindLosses {
    let instance: Instance
    let baseline: Baseline
    let request: BackupRequest
    /// All parts of the instance, captured or not.
    let parts: [InventoryPart]
    /// Parts whose absence from this backup is no loss: those of the user's own dumps, which are not part of the state.
    private let leftOut: Set<String>
    private var absences: [String: Baseline.Absence] = [:]
    private var seen: [Lack] = []
    private(set) var unreadable: FileError?

    init(instance: Instance, baseline: Baseline, request: BackupRequest, _ parts: [InventoryPart]) {
        self.instance = instance
        self.baseline = baseline
        self.request = request
        self.parts = parts
        leftOut = Set(
            parts.filter { $0.role == .backups && request.parts?.contains($0.part.name) != true }
                .map(\.part.name))
    }

    struct Found: Sendable {
        var lacks: [Lack]
        /// The names of the accepted losses, for the manifest.
        var accepted: [String]
        var remarks: [String]
    }

    // MARK: Before the capture

    /// Returns the parts to capture: those that were named, else all. A missing part that the last good backup holds
    /// may be named too.
    ///
    /// - Parameter captured: The parts that the runtime hands over for a backup.
    mutating func select(from captured: [Part]) throws(Failure) -> [Part] {
        for name in request.parts ?? []
        where !parts.contains(where: { $0.part.name == name }) && baseline.parts[name] == nil {
            throw Failure(
                .usage, "“\(instance.name)” has no part “\(name)”",
                cause: "its parts are \(parts.map(\.part.name).joined(separator: ", "))",
                remedy: "kecsctl backup \(instance.name) --part \(parts.first?.part.name ?? "data")")
        }
        var chosen: [Part] = []
        for part in parts where !leftOut.contains(part.part.name) {
            let name = part.part.name
            guard request.parts?.contains(name) ?? true else { continue }
            let found = captured.first { $0.name == name }
            switch part.presence {
            case .present, .empty: if let found { chosen.append(found) }
            // The part cannot be read here, but the runtime can copy it.
            case .unreadable where found?.volumeOutOfReach != nil: if let found { chosen.append(found) }
            case .missing: absences[name] = Baseline.Absence(.missing, Self.whereMissing(part.part))
            case .unreadable(let why):
                // Without a good backup of it nothing shows that it was ever readable: the capture reports the error.
                if baseline.parts[name] == nil {
                    if let found { chosen.append(found) }
                } else {
                    absences[name] = Baseline.Absence(.unreadable, "cannot be read (\(why))")
                }
            }
        }
        if let wanted = request.parts, chosen.isEmpty {
            throw Failure(
                .failed, "the part “\(wanted.joined(separator: ", "))” of “\(instance.name)” is missing",
                cause: "it is not mounted any more, or its folder is gone",
                remedy: "kecsctl restore \(instance.name) --from latest --part \(wanted.first ?? "data")")
        }
        return chosen
    }

    private static func whereMissing(_ part: Part) -> String {
        switch part.place {
        case .folder(let path), .entries(let path, _): "is missing: \(path) is not there"
        case .volume(let name, _): "is missing: the volume \(name) is not there"
        }
    }

    /// Notes a part that cannot be read.
    ///
    /// - Throws: The error itself, when no good backup holds the part: then nothing shows that it was ever readable.
    mutating func note(_ part: Part, unreadable error: FileError) throws {
        guard baseline.parts[part.name] != nil else { throw error }
        unreadable = unreadable ?? error
        absences[part.name] =
            error.errno == .noSuchFileOrDirectory
            ? Baseline.Absence(.missing, "is missing: \(error.path) is not there")
            : Baseline.Absence(.unreadable, "cannot be read: \(error)")
    }

    /// Notes what the plans cannot capture.
    ///
    /// - Parameter mayFreeze: True when the writer can be the instance's own server, which is frozen.
    mutating func note(_ plans: [PartPlan], mayFreeze: Bool) {
        for plan in plans {
            seen += plan.links.lacks
            guard !mayFreeze, !plan.isUnchanged else { continue }
            for database in plan.scan.databases where database.engine != .sqlite {
                let file = plan.source.root.appending(bytes: database.path)
                guard let writer = Writers.writer(of: file) else { continue }
                seen.append(
                    Lack(
                        part: plan.part.name, path: printable(database.path), .inUse,
                        "is open in the process \(writer), which kecsctl does not run and cannot freeze"))
            }
        }
    }

    // MARK: After it

    func find(in captured: [Manifest.Part], _ plans: [PartPlan]) throws -> Found {
        var absences = absences
        for plan in plans {
            for before in baseline.parts[plan.part.name]?.record.databases ?? [] {
                absences["\(plan.part.name)/\(before.path)"] = try whereabouts(of: before, in: plan)
            }
        }
        let torn = captured.flatMap { part in
            (part.torn ?? []).map {
                Lack(part: part.name, path: $0, .torn, "is torn: it changed every time it was read")
            }
        }
        // A file that the patterns leave out is no loss.
        func isLeftOut(_ lack: Lack) throws -> Bool {
            guard let plan = plans.first(where: { $0.part.name == lack.part }) else { return false }
            guard let path = lack.path else {
                return lack.kind == Lack.Kind.empty.rawValue && plan.scan.excluded > 0
            }
            return try plan.source.excluded.reason(
                toLeaveOut: Array(path.utf8), isFolder: false, below: plan.source.root) != nil
        }
        let looked = request.parts.map(Set.init) ?? Set(baseline.parts.keys).subtracting(leftOut)
        let all =
            try seen + torn + lostBeforeTheFirstBackup(captured).filter { try !isLeftOut($0) }
            + (baseline.lacks(
                of: captured, selected: looked, absences: absences,
                mayBeEmpty: Set(parts.filter { $0.role == .logs }.map(\.part.name)),
                placedAt: try Placement.last(of: instance.folder)
            ).filter { try !isLeftOut($0) })
        let open = all.filter { lack in !isAccepted(lack) }
        for name in request.acceptedLosses
        where !baseline.acceptedLosses.contains(name) && !all.contains(where: { covers(name, $0) }) {
            throw Failure(
                .usage, "“\(name)” of “\(instance.name)” is not lost",
                cause: all.isEmpty
                    ? "this backup lacks nothing"
                    : "this backup lacks \(all.map(\.name).joined(separator: ", "))",
                remedy: "kecsctl backup \(instance.name)"
                    + (all.first.map { " --accept-loss \(ShellWords.quote([$0.name]))" } ?? ""))
        }
        let stillGone = baseline.acceptedLosses.filter { name in
            !captured.contains { $0.name == name } && !name.contains("/")
        }
        let accepted = Set(all.filter(isAccepted).map(\.name)).union(stillGone)
        return Found(lacks: open, accepted: accepted.sorted(), remarks: baseline.remarks(on: captured))
    }

    /// Without a good backup only kecsctl's own word says that there was a database: it made it.
    private func lostBeforeTheFirstBackup(_ captured: [Manifest.Part]) -> [Lack] {
        let part = InstanceFolder.dataName
        guard let made = instance.config.madeDatabase, baseline.parts.isEmpty,
            request.parts?.contains(part) ?? true
        else { return [] }
        // Another runtime may call the part otherwise.
        let databases = captured.flatMap(\.databases).filter {
            $0.path.split(separator: "/").last == made[...]
        }
        let madeIt = "kecsctl made it, and no backup has it"
        guard let there = databases.first else {
            guard let data = captured.first(where: { $0.name == part }) else {
                return [Lack(part: part, .missing, "is missing: its folder is gone; \(madeIt)")]
            }
            let why =
                data.sourceBytes == 0
                ? "is gone, and nothing is there" : "is gone, or is no database any more"
            return [Lack(part: part, path: made, .missing, "\(why); \(madeIt)")]
        }
        if there.bytes == 0 { return [Lack(part: part, path: made, .empty, "has 0 bytes; \(madeIt)")] }
        if there.engine == .unknown {
            return [
                Lack(part: part, path: made, .unreadable, "cannot be read as a database any more; \(madeIt)")
            ]
        }
        guard let tables = there.tables, tables.isEmpty else { return [] }
        return [Lack(part: part, path: made, .noTables, "has no tables; \(madeIt)")]
    }

    private func isAccepted(_ lack: Lack) -> Bool {
        request.acceptsEveryLoss
            || (accepted + baseline.acceptedLosses).contains { covers($0, lack) }
            || instance.config.movedParts?.contains(lack.part) ?? false
    }

    /// Returns true when the name covers the lack. A part's name covers everything in it only when the user gives it
    /// now.
    private func covers(_ name: String, _ lack: Lack) -> Bool {
        name == lack.name || name == lack.part && accepted.contains(name)
    }

    /// By this run, or by a start since the last good backup.
    private var accepted: [String] { request.acceptedLosses + (instance.config.acceptedLosses ?? []) }

    /// What is where a database was.
    private func whereabouts(
        of database: Manifest.Database, in plan: PartPlan
    ) throws -> Baseline.Absence? {
        // A name that is not UTF-8 was written escaped, and is not found here.
        let file = plan.source.root.appending(database.path)
        guard let status = try FileStatus.of(file) else { return nil }
        return switch status.kind {
        case .file where status.size == 0: Baseline.Absence(.empty, "has 0 bytes")
        case .file:
            Baseline.Absence(.unreadable, "is no database any more: its first bytes are not those of one")
        case .symlink: Baseline.Absence(.outside, "is a link to nothing that could be captured")
        default: Baseline.Absence(.missing, "is missing: something else has its name")
        }
    }

    /// Returns the losses that a dry run can predict, without the tables.
    func expected(of plans: [PartPlan], _ volumes: [Part]) throws -> Found {
        let records = plans.map { plan in
            Manifest.Part(
                name: plan.part.name, file: "", root: plan.root, compression: .none, bytes: 0,
                sourceBytes: plan.scan.bytes, entries: plan.scan.entries, sha256: "", consistency: .live,
                fingerprint: "",
                databases: plan.scan.databases.map { database in
                    Manifest.Database(
                        path: printable(database.path), engine: database.engine, bytes: database.bytes,
                        pages: nil, tables: nil, sha256: "", userVersion: nil, identity: nil, sidecars: [])
                }
                    + plan.links.databases.map { link in
                        Manifest.Database(
                            path: printable(link.path), engine: .sqlite, bytes: 1, pages: nil, tables: nil,
                            sha256: "", userVersion: nil, identity: nil, sidecars: [])
                    }, warnings: [])
        }
        // For a volume out of reach, only the copy shows its content.
        let unknown = volumes.compactMap { baseline.parts[$0.name]?.record }
        return try find(in: records + unknown, plans)
    }
}
