// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct ExecutableDataCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.executable-data", .instance, .info, "no database is executable, as chmod -R 755 leaves it",
        fixable: true)

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let wrong = try facts.tree.get().entries.filter { entry in
            let name = entry.path.lastComponent?.string ?? ""
            return entry.status.kind == .file && entry.status.mode & 0o111 != 0
                && [".db", ".sqlite", ".sqlite3", ".wal", "-wal", "-shm", ".json"].contains {
                    name.hasSuffix($0)
                }
        }
        guard let first = wrong.first else { return [] }
        return [
            Finding(
                .info, "\(first.path) is executable: somebody ran chmod -R 755 here",
                ["mode": .string(octal(first.status.mode)), "entries": .integer(Int64(wrong.count))],
                remedy: ShellWords.quote(["chmod", "a-x", first.path.string]),
                repairs: wrong.map {
                    .mode(PathText($0.path), from: $0.status.mode, to: $0.status.mode & ~0o111)
                })
        ]
    }
}
