// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// The output of `inspect`: the inventory in plain values.
public struct InventoryReport: Encodable, Sendable {
    public struct PartRow: Encodable, Sendable {
        public var name: String
        public var role: PartRole
        /// The place as a manifest names it: a folder, `file:…`, `volume:…`.
        public var place: PartRoot
        /// The path on this host; nil when it cannot be reached here.
        public var path: String?
        public var pathInside: String?
        /// `present empty missing unreadable`
        public var presence: String
        /// The reason why it cannot be read.
        public var why: String?
        /// The size of the regular files; nil when it was not scanned.
        public var sizeBytes: Int64?
    }

    public struct DatabaseRow: Encodable, Sendable {
        /// `PART/PATH`
        public var name: String
        public var engine: String
        public var sizeBytes: Int64
        public var isPrimary: Bool
        /// The reason why it is the primary one: `setting`, `DATABASE_URL`, `name`, `only`.
        public var because: String?
        public var path: String?
        public var pathInside: String?
    }

    public struct UserRow: Encodable, Sendable {
        public var user: UInt32
        public var group: UInt32
        public var name: String?
    }

    public var instance: String
    public var runtime: String
    public var state: String
    public var parts: [PartRow]
    public var databases: [DatabaseRow]
    /// The reason why no database is the primary one.
    public var primaryProblem: String?
    public var user: UserRow?
    public var endpoints: [Endpoint]
    /// `this-machine`, `another`, or the reason why it cannot be determined.
    public var engineHost: String
    /// True when the server is KECS; nil when that is not known.
    public var isKECS: Bool?
    /// The other processes that use a part now.
    public var holders: [Holder]
    /// The processes that could not be examined, in sentences.
    public var unseenHolders: [String]
}

/// Finds the places of an instance's state, and changes nothing.
public struct InspectInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ instance: Instance) async throws -> InventoryReport {
        let inventory = try await site.inventory(of: instance)
        var primary: (InventoryDatabase, PrimaryReason)?
        if case .found(let database, let reason) = inventory.primary { primary = (database, reason) }
        let holders = try await FindHolders(site: site).run(instance, inventory.parts.map(\.part))
        return InventoryReport(
            instance: instance.name.description, runtime: instance.config.runtime.rawValue,
            state: await (try site.runtime(instance)).state().name,
            parts: inventory.parts.map { part in
                var why: String?
                if case .unreadable(let reason) = part.presence { why = reason }
                return InventoryReport.PartRow(
                    name: part.part.name, role: part.role, place: instance.root(of: part.part),
                    path: part.part.root?.string, pathInside: part.pathInside, presence: part.presence.name,
                    why: why, sizeBytes: part.bytes)
            },
            databases: inventory.databases.map { database in
                let isPrimary =
                    primary.map { $0.0.part == database.part && $0.0.path == database.path } ?? false
                return InventoryReport.DatabaseRow(
                    name: database.name, engine: database.engine.title, sizeBytes: database.bytes,
                    isPrimary: isPrimary, because: isPrimary ? primary?.1.name : nil,
                    path: database.file?.string, pathInside: inventory.pathInside(of: database)?.string)
            },
            primaryProblem: inventory.primary.problem,
            user: inventory.user.map { .init(user: $0.user, group: $0.group, name: $0.name) },
            endpoints: inventory.endpoints, engineHost: inventory.engineHost.name, isKECS: inventory.isKECS,
            holders: holders.list, unseenHolders: holders.unseen)
    }
}

extension PartPresence {
    public var name: String {
        switch self {
        case .present: "present"
        case .empty: "empty"
        case .missing: "missing"
        case .unreadable: "unreadable"
        }
    }
}

extension PrimaryReason {
    public var name: String {
        switch self {
        case .setting: "setting"
        case .variable(let name): name
        case .ownName: "name"
        case .onlyOne: "only"
        }
    }
}

extension PrimaryDatabase {
    /// A sentence; nil when there is one.
    public var problem: String? {
        switch self {
        case .found: nil
        case .ambiguous(let all):
            "cannot determine which one the server uses: \(all.map(\.name).joined(separator: ", "))"
        case .missing(let part, let path, let reason):
            "\(part)/\(printable(path)), which \(reason.sentence), is missing"
        case .inContainer(let path, let reason):
            "\(reason.sentence(about: path.string)), where nothing is mounted: it goes with the container"
        case .none: "there is none"
        case .unknown(let why): why
        }
    }
}

extension EngineHost {
    var name: String {
        switch self {
        case .thisMachine: "this-machine"
        case .another: "another"
        case .unknown(let why): why
        }
    }
}
