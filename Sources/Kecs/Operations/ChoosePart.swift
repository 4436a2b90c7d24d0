// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

/// The contents of an archive that kecsctl did not make, as far as they show where it belongs.
struct ArchiveContents: Sendable {
    /// The first component of every path.
    var tops: Set<[UInt8]> = []
    /// The components that are certainly folders, and those that are certainly not.
    var topFolders: Set<[UInt8]> = []
    var topFiles: Set<[UInt8]> = []
    /// The paths of files, without `./`; only the first ones, up to a limit.
    var files: Set<[UInt8]> = []
    var isCut = false

    static let mostFiles = 200_000

    mutating func add(_ entry: ArchiveEntry) {
        let path = entry.path.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
        guard let top = path.first else { return }
        tops.insert(Array(top))
        if path.count > 1 || entry.kind == .folder { topFolders.insert(Array(top)) }
        if path.count == 1, entry.kind != .folder { topFiles.insert(Array(top)) }
        guard entry.kind == .file || entry.kind == .hardLink else { return }
        guard files.count < Self.mostFiles else { return isCut = true }
        files.insert(Array(path.joined(separator: [UInt8(ascii: "/")])))
    }

    /// True for `data/…` next to `minio-data/…` or `config.json`: the folder of a whole instance.
    var isInstance: Bool {
        let others = ([InstanceFolder.objectStoreName] + InstanceFolder.configEntries).map { Array($0.utf8) }
        return topFolders.contains(Array(InstanceFolder.dataName.utf8))
            && tops.contains { others.contains($0) }
    }

    /// The only folder, when everything is in it.
    var onlyFolder: [UInt8]? {
        guard tops.count == 1, let only = topFolders.first, !topFiles.contains(only) else { return nil }
        return only
    }

    func has(_ path: [UInt8], below top: [UInt8]?) -> Bool {
        files.contains(top.map { $0 + [UInt8(ascii: "/")] + path } ?? path)
    }

    /// Returns the first components, without the top folder.
    func names(below top: [UInt8]?) -> Set<[UInt8]> {
        guard let top else { return tops }
        return Set(
            files.compactMap { path in
                path.dropFirst(top.count + 1).split(separator: UInt8(ascii: "/")).first.map(Array.init)
            })
    }

    /// Returns true when it seems to hold a database directly in the folder.
    func hasDatabase(below top: [UInt8]?) -> Bool {
        let prefix = top.map { $0 + [UInt8(ascii: "/")] } ?? []
        return files.contains { path in
            guard path.starts(with: prefix) else { return false }
            let name = String(decoding: path.dropFirst(prefix.count), as: UTF8.self)
            return !name.contains("/")
                && [".db", ".sqlite", ".sqlite3", ".duckdb"].contains { name.hasSuffix($0) }
        }
    }
}

/// Decides to which part an archive of another program belongs, and whether its top folder is the part's own folder or
/// lies in it. The decision is by content: the part's databases, the name of its folder inside the container, its
/// present files.
struct ChoosePart {
    let instance: Instance
    let inventory: Inventory
    let contents: ArchiveContents
    /// True to keep the top folder always.
    var keepsTop = false

    struct Choice {
        var part: InventoryPart
        /// The folder that is cut off.
        var top: [UInt8]?
        fileprivate var strength = 0
    }

    /// - Throws: `Failure(.usage)` that names the parts when it is not clear.
    func run(_ wanted: [String]?) throws -> Choice {
        let all = inventory.parts.filter { part in
            if case .entries = part.part.place { return false }
            return true
        }
        if let wanted {
            guard wanted.count == 1, let part = all.first(where: { $0.part.name == wanted[0] }) else {
                throw Failure(
                    .usage,
                    "an archive of one folder cannot be restored as the part “\(wanted.joined(separator: ", "))”",
                    cause:
                        "the parts of “\(instance.name)” are \(all.map(\.part.name).joined(separator: ", "))",
                    remedy: "kecsctl inspect \(instance.name)")
            }
            return try fit(part) ?? Choice(part: part, top: try likelyTop(part))
        }
        let fitting = try all.compactMap(fit).sorted { $0.strength > $1.strength }
        if let best = fitting.first, fitting.count == 1 || best.strength > fitting[1].strength { return best }
        let main = all.filter { $0.role == .data }
        if fitting.isEmpty, main.count == 1 { return Choice(part: main[0], top: try likelyTop(main[0])) }
        let names = (fitting.isEmpty ? all : fitting.map(\.part)).map(\.part.name)
        throw Failure(
            .usage, "it is not clear which part of “\(instance.name)” the archive is",
            cause: fitting.isEmpty
                ? "it looks like none of them: \(names.joined(separator: ", ")); --part NAME chooses one"
                : "it may be \(names.joined(separator: " or ")); --part NAME chooses one",
            remedy: "kecsctl inspect \(instance.name)")
    }

    private func databases(_ part: InventoryPart) -> [InventoryDatabase] {
        var found = inventory.databases.filter {
            $0.part == part.part.name && !isCopyOfDatabase($0.path) && !$0.path.isEmpty
        }
        if case .missing(let name, let path, _) = inventory.primary, name == part.part.name, found.isEmpty {
            found = [InventoryDatabase(part: name, path: path, engine: .sqlite, bytes: 0, file: nil)]
        }
        return found
    }

    /// Returns the fit; nil when it does not seem to be an archive of the part.
    private func fit(_ part: InventoryPart) throws -> Choice? {
        let tops: [[UInt8]?] = keepsTop || contents.onlyFolder == nil ? [nil] : [nil, contents.onlyFolder]
        let databases = databases(part)
        for top in tops where !databases.isEmpty {
            let isThere = databases.allSatisfy { database in
                if case .folder = database.engine {
                    contents.files.contains {
                        $0.starts(with: (top.map { $0 + [0x2F] } ?? []) + database.path + [0x2F])
                    }
                } else {
                    contents.has(database.path, below: top)
                }
            }
            if isThere { return Choice(part: part, top: top, strength: 3) }
        }
        // An archive without the databases that the part has now is not an archive of this part.
        guard databases.isEmpty else { return nil }
        if !keepsTop, let top = contents.onlyFolder, isName(top, of: part), try !has(top, part) {
            return Choice(part: part, top: top, strength: 2)
        }
        guard let root = part.part.root, try root.isFolder else { return nil }
        let live = Set(try root.entries().map(\.bytes))
        guard !live.isEmpty else { return nil }
        for top in tops {
            let names = contents.names(below: top)
            let common = names.intersection(live).count
            if common > 0, common * 2 >= min(names.count, live.count) {
                return Choice(part: part, top: top, strength: 1)
            }
        }
        return nil
    }

    /// Returns true when the part itself has that folder's name, on this host or inside its container.
    private func isName(_ top: [UInt8], of part: InventoryPart) -> Bool {
        var names = [part.part.name]
        if let inside = part.pathInside.map({ FilePath($0) })?.lastComponent { names.append(inside.string) }
        if case .volume(let name, _) = part.part.place {
            names.append(name)
        } else if let root = part.part.root?.lastComponent {
            names.append(root.string)
        }
        return names.contains { top.elementsEqual($0.utf8) }
    }

    private func has(_ name: [UInt8], _ part: InventoryPart) throws -> Bool {
        guard let root = part.part.root, try root.isFolder else { return false }
        return try root.entries().contains { $0.bytes == name }
    }

    /// Returns the likely top folder, for a part without any evidence. The top folder is cut off only where it is a
    /// name of the part, or where the database lies directly in it, as `tar` writes a folder that is named.
    private func likelyTop(_ part: InventoryPart) throws -> [UInt8]? {
        guard !keepsTop, let top = contents.onlyFolder, try !has(top, part) else { return nil }
        return isName(top, of: part) || contents.hasDatabase(below: top) ? top : nil
    }
}
