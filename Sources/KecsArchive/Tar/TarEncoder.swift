// SPDX-License-Identifier: Apache-2.0

/// Turns entries into headers that GNU tar, bsdtar, busybox and Python read alike; busybox knows no sparse files.
///
/// A name that fits the ustar header is written there as it is, and a long ASCII one into a pax record. A long name
/// with other bytes goes into GNU's `L` header: pax records are UTF-8 by definition, so bsdtar warns of them in the C
/// locale, and GNU tar warns of the `hdrcharset=BINARY` that would silence bsdtar.
struct TarEncoder {
    private var header = [UInt8](repeating: 0, count: Tar.block)
    private var extended: [UInt8] = []

    /// Everything that precedes the content: headers and, for a sparse file, its map.
    ///
    /// - Returns: The place in `output` where the bytes to write begin, valid until the next call, and the number of
    ///   bytes of content that must follow.
    mutating func encode(_ entry: TarEntry, into output: inout [UInt8]) -> (start: Int, content: Int64) {
        let start = output.count
        var map: [UInt8] = []
        var content = entry.size
        extended.removeAll(keepingCapacity: true)
        let name = tarName(entry)

        if let extents = entry.extents {
            map = sparseMap(extents, size: entry.size)
            content = extents.reduce(0) { $0 + $1.count }
            record("GNU.sparse.major", "1".utf8)
            record("GNU.sparse.minor", "0".utf8)
            record("GNU.sparse.name", name)
            record("GNU.sparse.realsize", String(entry.size).utf8)
        }
        let stored = content + Int64(map.count)
        // GNU.sparse.name overrides it. Programs that do not support sparse files see this one.
        let shown = entry.extents == nil ? name : Self.sparseName(for: name)
        let split = Self.split(shown)
        if split == nil { long(shown, "path", Tar.Kind.longName, &output) }
        if entry.link.count > Tar.link.count { long(entry.link, "linkpath", Tar.Kind.longLink, &output) }
        if entry.modifiedNanoseconds != 0 || !(0..<(1 << 33)).contains(entry.modifiedSeconds) {
            record("mtime", Self.time(entry.modifiedSeconds, entry.modifiedNanoseconds).utf8)
        }
        if entry.owner > 0o7777777 { record("uid", String(entry.owner).utf8) }
        if entry.group > 0o7777777 { record("gid", String(entry.group).utf8) }
        if stored >= 1 << 33 { record("size", String(stored).utf8) }
        for (key, value) in entry.records { record(key, value) }

        if !extended.isEmpty {
            append(
                name: "./PaxHeaders/entry".utf8, type: Tar.Kind.extended, size: Int64(extended.count),
                to: &output)
            output.append(contentsOf: extended)
            output.append(contentsOf: repeatElement(0, count: Tar.padding(Int64(extended.count))))
        }
        begin(type: entry.extents == nil ? entry.type : Tar.Kind.file, size: stored)
        if let split {
            set(Tar.prefix, split.prefix)
            set(Tar.name, split.name)
        } else {
            set(Tar.name, shown.prefix(Tar.name.count))
        }
        set(Tar.mode, octal: Int64(entry.mode))
        set(Tar.owner, octal: Int64(min(entry.owner, 0o7777777)))
        set(Tar.group, octal: Int64(min(entry.group, 0o7777777)))
        set(Tar.modified, octal: max(0, min(entry.modifiedSeconds, (1 << 33) - 1)))
        set(Tar.link, entry.link.prefix(Tar.link.count))
        end(&output)
        output.append(contentsOf: map)
        return (start, content)
    }

    /// Returns a name in a folder next to the file, as GNU tar builds it, so that no two files share a name. Where that
    /// does not fit into the header, all files share one.
    private static func sparseName(for name: [UInt8]) -> [UInt8] {
        let slash = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let beside = name[..<slash] + Array("GNUSparseFile.0/".utf8) + name[slash...]
        return split(Array(beside)) == nil ? Array("./GNUSparseFile.0/entry".utf8) : Array(beside)
    }

    private func tarName(_ entry: TarEntry) -> [UInt8] {
        var name: [UInt8] = [UInt8(ascii: "."), UInt8(ascii: "/")]
        name.reserveCapacity(entry.path.count + 3)
        name += entry.path
        if entry.type == Tar.Kind.folder, !entry.path.isEmpty { name.append(UInt8(ascii: "/")) }
        return name
    }

    private mutating func long(_ text: [UInt8], _ key: StaticString, _ type: UInt8, _ output: inout [UInt8]) {
        if text.allSatisfy({ $0 < 0x80 }) { return record(key, text) }
        append(name: "././@LongLink".utf8, type: type, size: Int64(text.count + 1), to: &output)
        output.append(contentsOf: text)
        output.append(contentsOf: repeatElement(0, count: 1 + Tar.padding(Int64(text.count + 1))))
    }

    private mutating func append(
        name: some Collection<UInt8>, type: UInt8, size: Int64, to output: inout [UInt8]
    ) {
        begin(type: type, size: size)
        set(Tar.name, name)
        set(Tar.mode, octal: 0o644)
        set(Tar.owner, octal: 0)
        set(Tar.group, octal: 0)
        set(Tar.modified, octal: 0)
        end(&output)
    }

    private mutating func begin(type: UInt8, size: Int64) {
        for index in header.indices { header[index] = 0 }
        header[Tar.type] = type
        set(Tar.size, octal: min(size, (1 << 33) - 1))
        set(Tar.magic, "ustar\u{0}00".utf8)
    }

    private mutating func end(_ output: inout [UInt8]) {
        let sum = header.withUnsafeBytes { Tar.sum($0) }
        set(Tar.checksum, octal: Int64(sum), digits: 6)
        header[Tar.checksum.offset + 7] = UInt8(ascii: " ")
        output.append(contentsOf: header)
    }

    private mutating func set(_ field: Tar.Field, _ text: some Collection<UInt8>) {
        var index = field.offset
        for byte in text {
            header[index] = byte
            index += 1
        }
    }

    private mutating func set(_ field: Tar.Field, octal value: Int64, digits: Int? = nil) {
        var rest = value
        for index in (0..<(digits ?? field.count - 1)).reversed() {
            header[field.offset + index] = UInt8(ascii: "0") + UInt8(rest & 7)
            rest >>= 3
        }
    }

    private mutating func record(_ key: StaticString, _ value: some Collection<UInt8>) {
        key.withUTF8Buffer { record($0, value) }
    }

    /// "LENGTH key=value\n", where the length counts its own digits too.
    private mutating func record(_ key: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let rest = key.count + value.count + 3
        var length = rest + 1
        while length != rest + Self.digits(length) { length = rest + Self.digits(length) }
        extended.append(contentsOf: String(length).utf8)
        extended.append(UInt8(ascii: " "))
        extended.append(contentsOf: key)
        extended.append(UInt8(ascii: "="))
        extended.append(contentsOf: value)
        extended.append(UInt8(ascii: "\n"))
    }

    private static func digits(_ number: Int) -> Int {
        var rest = number
        var count = 1
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    /// Cuts a path into ustar's prefix and name; nil where that is impossible.
    private static func split(_ path: [UInt8]) -> (prefix: ArraySlice<UInt8>, name: ArraySlice<UInt8>)? {
        if path.count <= Tar.name.count { return (path[..<0], path[...]) }
        guard path.count <= Tar.prefix.count + 1 + Tar.name.count else { return nil }
        // The last cut leaves the shortest name; a folder's own final slash does not count.
        let first = path.count - Tar.name.count - 1
        let last = min(Tar.prefix.count, path.count - 2)
        guard first <= last else { return nil }
        for cut in first...last where path[cut] == UInt8(ascii: "/") {
            return (path[..<cut], path[(cut + 1)...])
        }
        return nil
    }

    /// Seconds as a decimal fraction; before 1970 too.
    private static func time(_ seconds: Int64, _ nanoseconds: Int32) -> String {
        guard nanoseconds != 0 else { return String(seconds) }
        let isNegative = seconds < 0
        let whole = isNegative ? -(seconds + 1) : seconds
        let rest = isNegative ? 1_000_000_000 - nanoseconds : nanoseconds
        let fraction = String(rest)
        return (isNegative ? "-" : "") + String(whole) + "."
            + String(repeating: "0", count: 9 - fraction.count) + fraction
    }

    /// GNU's format 1.0: decimal lines in front of the content, padded to a block.
    private func sparseMap(_ extents: [Extent], size: Int64) -> [UInt8] {
        var all = extents
        // Without a last extent that ends at the size, older readers would cut the file.
        if (extents.last.map { $0.offset + $0.count } ?? 0) < size || extents.isEmpty {
            all.append(Extent(offset: size, count: 0))
        }
        var map = Array("\(all.count)\n".utf8)
        for extent in all { map += Array("\(extent.offset)\n\(extent.count)\n".utf8) }
        map += [UInt8](repeating: 0, count: Tar.padding(Int64(map.count)))
        return map
    }
}
