// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Reads a manifest. Whatever the file's origin, nothing in it is believed without a check.
extension Manifest {
    /// - Throws: `JSONFileError` when the bytes are no manifest, or when their numbers are impossible.
    public static func decode(_ bytes: [UInt8], at file: FilePath) throws -> Manifest {
        let manifest = try JSONFile.decode(Manifest.self, from: bytes, at: file)
        if let field = manifest.impossibleNumber {
            throw JSONFileError(path: file, why: "“\(field)” is a number that cannot be")
        }
        return manifest
    }

    /// The first size or count that is negative or larger than anything that exists.
    private var impossibleNumber: String? {
        for (index, part) in parts.enumerated() {
            let name = "parts.\(index)"
            let numbers = [
                ("bytes", part.bytes), ("sourceBytes", part.sourceBytes), ("entries", Int64(part.entries)),
                ("plain.bytes", part.plain?.bytes ?? 0), ("segments", Int64(part.segments ?? 0)),
                ("dataBytes", part.dataBytes ?? 0),
            ]
            if let bad = numbers.first(where: { !Self.canBe($0.1) }) { return "\(name).\(bad.0)" }
            for (index, database) in part.databases.enumerated() {
                let name = "\(name).databases.\(index)"
                if !Self.canBe(database.bytes) { return "\(name).bytes" }
                if let pages = database.pages, !Self.canBe(pages) { return "\(name).pages" }
                for (table, rows) in database.tables ?? [:] where !Self.canBe(rows) {
                    return "\(name).tables.\(table)"
                }
            }
        }
        return nil
    }

    private static func canBe(_ number: Int64) -> Bool { (0...Int64.largestCount).contains(number) }
}

extension Manifest.Part {
    /// The space that unpacking needs: 4 KiB blocks, of which half a block is lost at each file's end, and an inode
    /// each.
    public var roomNeeded: ByteCount {
        ByteCount(min(dataBytes ?? sourceBytes, sourceBytes)) + ByteCount(2304) * Int64(entries)
    }

    /// As `roomNeeded`, where holes take room too.
    public var roomNeededWithoutHoles: ByteCount {
        ByteCount(sourceBytes) + ByteCount(2304) * Int64(entries)
    }
}
