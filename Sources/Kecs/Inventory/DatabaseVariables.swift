// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// The place of a server's database according to its environment.
struct DatabaseVariable: Hashable, Sendable {
    var name: String
    /// The possible paths, likeliest first: three slashes are an absolute path to sqlx and a relative one to
    /// SQLAlchemy.
    var paths: [FilePath]
    /// KECS's own variable names the folder, not the file.
    var isFolder = false

    /// Returns the variables in order of precedence; those of one kind by name.
    static func all(in variables: [String: String]) -> [[DatabaseVariable]] {
        func named(_ fits: (String) -> Bool, _ read: (String) -> [FilePath]) -> [DatabaseVariable] {
            variables.keys.filter(fits).sorted().compactMap { name in
                let paths = read(variables[name] ?? "")
                return paths.isEmpty ? nil : DatabaseVariable(name: name, paths: paths)
            }
        }
        var folder = named({ $0 == "KECS_DATA_DIR" }, path)
        for index in folder.indices { folder[index].isFolder = true }
        return [
            folder,
            named({ $0 == "DATABASE_URL" || $0.hasSuffix("_DATABASE_URL") }, url),
            named({ $0 == "DATABASE_PATH" || $0.hasSuffix("_DATABASE_PATH") }) { url($0) + path($0) },
            named({ $0 == "DB_PATH" || $0.hasSuffix("_DB_PATH") }) { url($0) + path($0) },
        ].filter { !$0.isEmpty }
    }

    /// `sqlite:` with any number of slashes, and Prisma's `file:`; the query is cut off. Empty for other databases.
    private static func url(_ text: String) -> [FilePath] {
        guard let colon = text.firstIndex(of: ":") else { return [] }
        let scheme = text[..<colon].lowercased()
        // `sqlite+aiosqlite:`, `sqlite3:`
        guard scheme == "file" || scheme == "sqlite" || scheme == "sqlite3" || scheme.hasPrefix("sqlite+")
        else { return [] }
        let rest = text[text.index(after: colon)...].prefix { $0 != "?" && $0 != "#" }
        let name = decoded(rest.drop { $0 == "/" })
        guard !name.isEmpty, name != ":memory:" else { return [] }
        let (relative, absolute) = (FilePath(name), FilePath("/" + name))
        return switch rest.prefix(while: { $0 == "/" }).count {
        case 0, 2: [relative, absolute]
        case 1: [absolute]
        case 3: [absolute, relative]
        default: [absolute]
        }
    }

    private static func path(_ text: String) -> [FilePath] {
        text.isEmpty || text.contains("://") || text == ":memory:" ? [] : [FilePath(text)]
    }

    /// `%20` and the like.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
