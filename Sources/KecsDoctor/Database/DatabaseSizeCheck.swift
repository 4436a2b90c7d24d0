// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct DatabaseSizeCheck: InstanceCheck {
    let info = CheckInfo(
        "db.size", .instance, .warning, "no database is larger than the setting databaseLimit, 1 GiB")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        var files: [(String, Int64)] = []
        let database = try facts.database.get()
        if let status = database.status { files.append((database.file.string, status.size)) }
        // Other databases of the instance are identified by their names; the size of a wrong guess does no harm.
        for entry in facts.tree.value?.entries ?? [] where entry.status.kind == .file {
            let name = entry.path.lastComponent?.string ?? ""
            if [".db", ".sqlite", ".sqlite3"].contains(where: name.hasSuffix),
                entry.path != database.file.resolved()
            {
                files.append((entry.path.string, entry.status.size))
            }
        }
        let limit = try facts.instance.settings.size(.databaseLimit)?.bytes ?? Thresholds.database
        return files.filter { Self.isTooLarge($0.1, limit) }.map { path, size in
            Finding(
                .warning, "\(path) has \(ByteCount(size)), more than \(ByteCount(limit).asLimit)",
                ["bytes": .integer(size), "limit": .integer(limit)],
                remedy: "kecsctl db maintain \(facts.name)")
        }
    }

    static func isTooLarge(_ bytes: Int64, _ limit: Int64 = Thresholds.database) -> Bool { bytes > limit }
}
