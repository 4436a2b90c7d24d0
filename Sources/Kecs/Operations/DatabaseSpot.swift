// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The place of a single database that comes from elsewhere: that of the database that the server uses, or of the one
/// that was named.
struct DatabaseSpot: Sendable {
    var part: InventoryPart
    /// The path below the part's root.
    var path: [UInt8]
    /// The engine of the present database; nil for none.
    var engine: InventoryEngine?

    /// - Parameters:
    ///   - named: `PART/PATH`; nil for the primary.
    ///   - parts: The parts that were asked for; nil for any.
    /// - Throws: `Failure(.usage)` that names the databases when it is not clear which one is meant.
    init(
        _ inventory: Inventory, named: String?, parts: [String]?, for instance: Instance
    ) throws {
        func part(_ name: String) throws -> InventoryPart {
            if let found = inventory.parts.first(where: { $0.part.name == name }) { return found }
            throw Failure(
                .usage, "“\(instance.name)” has no part “\(name)”",
                cause: "its parts are \(inventory.parts.map(\.part.name).joined(separator: ", "))",
                remedy: "kecsctl inspect \(instance.name)")
        }
        if let named {
            guard let slash = named.firstIndex(of: "/"), named.index(after: slash) < named.endIndex else {
                throw Failure(
                    .usage, "“\(named)” names no database",
                    cause: "it is written PART/PATH"
                        + (inventory.databases.isEmpty
                            ? "" : ": \(inventory.databases.map(\.name).joined(separator: ", "))"),
                    remedy: "kecsctl inspect \(instance.name)")
            }
            self.part = try part(String(named[..<slash]))
            path = Array(named[named.index(after: slash)...].utf8)
            let spot = path
            engine =
                inventory.databases.first {
                    $0.name == named || $0.path == spot && $0.part == named[..<slash]
                }?
                .engine
        } else {
            switch inventory.primary {
            case .found(let database, _) where parts?.contains(database.part) ?? true:
                self.part = try part(database.part)
                path = database.path
                engine = database.engine
            case .missing(let name, let path, _) where parts?.contains(name) ?? true:
                self.part = try part(name)
                self.path = path
                engine = nil
            case .none where Self.isOwn(inventory, instance):
                self.part = try part("data")
                path = Array(InstanceFolder.databaseName.utf8)
                engine = nil
            case .unknown(let why):
                throw Failure(
                    .failed, "cannot determine where the database of “\(instance.name)” is", cause: why,
                    remedy: "kecsctl inspect \(instance.name)")
            case .inContainer(let path, _):
                throw Failure(
                    .failed, "the database of “\(instance.name)” lies in no folder and no volume",
                    cause:
                        "the server keeps it at \(path), where nothing is mounted: it goes with the container",
                    remedy: "kecsctl inspect \(instance.name)")
            case .ambiguous(let all): throw Self.unclear(all, instance)
            case .found, .missing, .none:
                let candidates = inventory.databases.filter {
                    (parts?.contains($0.part) ?? true) && !isCopyOfDatabase($0.path)
                }
                guard candidates.count == 1, let only = candidates.first, parts != nil else {
                    throw Self.unclear(candidates, instance)
                }
                self.part = try part(only.part)
                path = only.path
                engine = only.engine
            }
        }
        if let parts, !parts.contains(self.part.part.name) {
            throw Failure(
                .usage, "the database is in the part “\(self.part.part.name)” of “\(instance.name)”",
                cause: "--part names \(parts.joined(separator: ", "))",
                remedy: "kecsctl inspect \(instance.name)")
        }
    }

    /// Returns true when the server keeps its database in the instance's own folder unless it is configured otherwise.
    private static func isOwn(_ inventory: Inventory, _ instance: Instance) -> Bool {
        guard instance.config.runtime.keepsDataInFolder else { return false }
        return !inventory.databases.contains { !isCopyOfDatabase($0.path) }
    }

    private static func unclear(_ all: [InventoryDatabase], _ instance: Instance) -> Failure {
        Failure(
            .usage, "it is not clear which database of “\(instance.name)” is meant",
            cause: all.isEmpty
                ? "it has none, and nothing says where its server looks for one"
                : "there are \(all.map(\.name).joined(separator: ", ")); --database PART/PATH chooses one",
            remedy: all.first.map { "kecsctl config set database \($0.name) --instance \(instance.name)" }
                ?? "kecsctl inspect \(instance.name)")
    }

    /// Refuses a database of another engine: a server reads its own engine's files only.
    func checkEngine(for instance: Instance, force: Bool) throws {
        guard !force else { return }
        let other: String
        switch engine {
        case .duckdb: other = "of DuckDB"
        case .folder(let server): other = "a folder of \(server)"
        default: return
        }
        throw Failure(
            .usage, "the database of “\(instance.name)” is not of SQLite",
            cause:
                "\(part.part.name)/\(printable(path)) is \(other): its server would not read another engine's file",
            remedy: "kecsctl inspect \(instance.name)")
    }

    /// Returns the file at this place, or the path at which it is to be. A link is followed, so that the file goes
    /// where the server reads it.
    func file(in root: FilePath, for instance: Instance) throws -> FilePath {
        let file = root.appending(bytes: path)
        if let status = try FileStatus.following(file), status.kind == .folder {
            throw Failure(
                .failed, "the database of “\(instance.name)” cannot be replaced",
                cause: "\(file) is a folder", remedy: "kecsctl inspect \(instance.name)")
        }
        return try FileStatus.of(file)?.kind == .symlink ? file.resolved() : file
    }

    func outOfReach(_ instance: Instance) -> Failure {
        Failure(
            .failed, "the database of “\(instance.name)” cannot be replaced here",
            cause: "the part “\(part.part.name)” is a volume whose mount point is not open to this user: "
                + "it can only be filled whole",
            remedy: "sudo kecsctl inspect \(instance.name)")
    }
}

extension Inventory {
    /// Returns the present part that a backup's record describes; nil when there is none any more.
    func part(of record: Manifest.Part) -> InventoryPart? {
        parts.first { $0.part.name == record.name }
    }

    /// Returns the root into which the record is restored.
    func root(of record: Manifest.Part, in instance: Instance) -> PartRoot {
        guard let now = part(of: record), record.root != .configuration else { return record.root }
        return instance.root(of: now.part)
    }
}
