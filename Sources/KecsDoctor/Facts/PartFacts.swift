// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
public import SystemPackage

/// A part of an instance's state as the checks see it.
public struct PartFacts: Sendable {
    public var part: InventoryPart
    /// Its files; unknown when they cannot be examined here.
    public var tree: Known<TreeFacts>

    public var name: String { part.part.name }
    /// A folder of this host that holds only this part; nil for single files, the configuration and unreachable parts.
    public var root: FilePath? {
        if case .entries = part.part.place { return nil }
        return part.part.root
    }

    init(_ part: InventoryPart, cancellation: Cancellation) {
        self.part = part
        switch part.presence {
        case .unreadable(let why): tree = .unknown(why)
        case .missing: tree = .known(TreeFacts())
        case .present, .empty:
            guard part.part.volumeOutOfReach == nil, let root = part.part.root else {
                tree = .unknown("its mount point is not open to this user")
                return
            }
            if case .entries(_, let named) = part.part.place {
                tree = .known(Self.files(named, of: root))
                return
            }
            do { tree = .known(try TreeFacts.of(root, cancellation: cancellation)) } catch {
                let failure = Failure.describing(error)
                tree = .unknown(failure.cause ?? failure.message)
            }
        }
    }

    private static func files(_ names: [String], of folder: FilePath) -> TreeFacts {
        var facts = TreeFacts()
        for name in names {
            let path = folder.appending(name)
            do {
                guard let status = try FileStatus.of(path) else { continue }
                facts.entries.append(.init(path: path, status: status))
                if status.kind == .file { facts.bytes = facts.bytes.adding(status.size) }
            } catch {
                facts.unreadable.append("\(error)")
            }
        }
        return facts
    }
}

/// A database as the checks see it.
public struct DatabaseLook: Sendable {
    public var database: InventoryDatabase
    public var isPrimary: Bool
    public var facts: Known<DatabaseFacts>
}

extension InstanceFacts {
    /// Returns the same facts as if this part were the only one.
    func about(_ part: PartFacts) -> InstanceFacts {
        var facts = self
        facts.data = part.root.map { .known($0) } ?? .unknown("it cannot be reached here")
        facts.tree = part.tree
        return facts
    }

    /// Returns the same facts as if this database were the only one.
    func about(_ database: DatabaseLook) -> InstanceFacts {
        var facts = self
        facts.database = database.facts
        return facts
    }

    /// True when the primary database is one of KECS: according to the server, or else to the name that KECS gives it.
    var holdsStateOfKECS: Bool {
        if let isKECS = inventory.value?.isKECS { return isKECS }
        guard let file = database.value?.file else { return true }
        return file.lastComponent?.string == InstanceFolder.databaseName
    }

    /// The folders of the parts on this host, without the configuration.
    public var roots: [FilePath] { parts.filter { $0.part.role != .config }.compactMap(\.root) }
}

/// Runs a check for each part, and reports the parts that it could not examine.
struct EachPart: InstanceCheck {
    let check: any InstanceCheck
    /// True to check only the parts that are mounted into the server's container, if it runs in one.
    let seenByServer: Bool
    var info: CheckInfo { check.info }

    init(_ check: any InstanceCheck, seenByServer: Bool = false) {
        self.check = check
        self.seenByServer = seenByServer
    }

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        var findings: [Finding] = []
        let isContained = facts.parts.contains { $0.part.pathInside != nil }
        for part in facts.parts where part.part.role != .config && part.part.presence != .missing {
            if case .entries = part.part.part.place { continue }
            if seenByServer, isContained, part.part.pathInside == nil { continue }
            guard part.root != nil, case .known = part.tree else {
                findings.append(.notLooked(at: part))
                continue
            }
            do {
                findings += try await check.run(facts.about(part), look).map { finding in
                    var finding = finding
                    if facts.parts.count > 1 { finding.evidence["part"] = .string(part.name) }
                    return finding
                }
            } catch let error as CannotTell {
                findings.append(.notLooked("\(part.name): \(error.why)", ["part": .string(part.name)]))
            }
        }
        if let why = facts.unlooked { findings.append(.notLooked(why)) }
        return findings
    }
}

/// Runs a check for all parts together, and reports those that it could not examine.
struct AllParts: InstanceCheck {
    let check: any InstanceCheck
    var info: CheckInfo { check.info }

    init(_ check: any InstanceCheck) { self.check = check }

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        var findings = try await check.run(facts, look)
        for part in facts.parts where part.part.role != .config {
            if case .unknown = part.tree { findings.append(.notLooked(at: part)) }
        }
        if let why = facts.unlooked { findings.append(.notLooked(why)) }
        return findings
    }
}

/// Runs a check for each database, and reports those that it could not examine.
struct EachDatabase: InstanceCheck {
    let check: any InstanceCheck
    var info: CheckInfo { check.info }

    init(_ check: any InstanceCheck) { self.check = check }

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        var findings: [Finding] = []
        var hasPrimary = false
        for database in facts.databases {
            let name = database.database.name
            if database.isPrimary { hasPrimary = true }
            // A folder of another server's is examined by that server's own tools.
            if case .folder = database.database.engine { continue }
            if case .unknown(let why) = database.facts {
                findings.append(.notLooked("\(name): \(why)", ["database": .string(name)]))
                continue
            }
            do {
                findings += try await check.run(facts.about(database), look).map { finding in
                    var finding = finding
                    if facts.databases.count > 1 { finding.evidence["database"] = .string(name) }
                    return finding
                }
            } catch let error as CannotTell {
                findings.append(.notLooked("\(name): \(error.why)", ["database": .string(name)]))
            }
        }
        // Two databases in one folder are no reason to report one finding of the folder twice.
        var seen: Set<String> = []
        findings = findings.filter { $0.severity == .notLooked || seen.insert($0.message).inserted }
        // A missing database is in no list of databases.
        if !hasPrimary, case .known = facts.database { findings += try await check.run(facts, look) }
        for part in facts.parts where part.part.role == .data {
            if case .unknown = part.tree { findings.append(.notLooked(at: part)) }
        }
        if let why = facts.unlooked { findings.append(.notLooked(why)) }
        return findings
    }
}

extension Finding {
    /// Returns a finding for something that a check could not examine, with the reason: neither passed nor failed.
    static func notLooked(_ why: String, _ evidence: [String: JSONValue] = [:]) -> Finding {
        Finding(.notLooked, "not looked at: \(why)", evidence)
    }

    static func notLooked(at part: PartFacts) -> Finding {
        var why = "it cannot be reached here"
        if case .unknown(let reason) = part.tree { why = reason }
        return .notLooked("\(part.name): \(why)", ["part": .string(part.name)])
    }
}
