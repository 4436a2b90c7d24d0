// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The pages of a database file (https://sqlite.org/fileformat2.html), read without trusting anything: values that make
/// no sense are nil.
struct SQLitePages {
    /// The encoding of its texts, by the number in the header.
    enum Encoding: UInt8 {
        case utf8 = 1
        case utf16le = 2
        case utf16be = 3

        /// The name for `PRAGMA encoding`.
        var name: String {
            switch self {
            case .utf8: "UTF-8"
            case .utf16le: "UTF-16le"
            case .utf16be: "UTF-16be"
            }
        }
    }

    private let file: PageFile
    /// The page size without the bytes that extensions reserve at the end of each page.
    let usable: Int
    let encoding: Encoding
    let userVersion: Int64
    let applicationID: Int64
    private let firstFree: Int

    var pageSize: Int { file.pageSize }
    var count: Int { file.count }

    /// A row as it lies in a leaf.
    struct Record {
        /// The rowid; nil for an entry of an index, and so also for a row of a table WITHOUT ROWID.
        var rowid: Int64?
        var values: [SQLiteValue]
    }

    /// - Throws: `SQLiteError` for a file whose header is not that of a database; `FileError`.
    init(_ path: FilePath) throws {
        let head = try path.prefix(100)
        func refuse(_ why: String) -> SQLiteError { SQLiteError(extendedCode: 26, message: why, path: path) }
        guard head.count == 100, head.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw refuse("file is not a database")
        }
        let stored = Int(head[16]) << 8 | Int(head[17])
        let pageSize = stored == 1 ? 65536 : stored
        guard (512...65536).contains(pageSize), pageSize & (pageSize - 1) == 0 else {
            throw refuse("its header makes no sense: pages of \(pageSize) bytes")
        }
        usable = pageSize - Int(head[20])
        // Zero stands for a database that never held a text.
        guard usable >= 480, let encoding = Encoding(rawValue: max(head[59], 1)) else {
            throw refuse("its header makes no sense")
        }
        self.encoding = encoding
        userVersion = Int64(Int32(truncatingIfNeeded: Self.number32(head, 60)))
        applicationID = Int64(Int32(truncatingIfNeeded: Self.number32(head, 68)))
        firstFree = Self.number32(head, 32)
        file = try PageFile(path, pageSize: pageSize)
    }

    private static func number16(_ bytes: [UInt8], _ at: Int) -> Int {
        Int(bytes[at]) << 8 | Int(bytes[at + 1])
    }
    private static func number32(_ bytes: [UInt8], _ at: Int) -> Int {
        number16(bytes, at) << 16 | number16(bytes, at + 2)
    }

    // MARK: Trees

    enum Kind { case tableLeaf, tableInterior, indexLeaf, indexInterior, other }

    func isPage(_ number: Int) -> Bool { number >= 1 && number <= count }

    func kind(_ number: Int) throws -> Kind {
        guard isPage(number) else { return .other }
        return switch try file.page(number)[number == 1 ? 100 : 0] {
        case 0x0d: .tableLeaf
        case 0x05: .tableInterior
        case 0x0a: .indexLeaf
        case 0x02: .indexInterior
        default: .other
        }
    }

    /// Returns the offsets of a page's cells; nil when the page's header makes no sense.
    private func cells(_ page: [UInt8], _ number: Int, headerSize: Int) -> [Int]? {
        let header = number == 1 ? 100 : 0
        let count = Self.number16(page, header + 3)
        let first = header + headerSize
        guard count <= (usable - headerSize) / 2, first + 2 * count <= usable else { return nil }
        return (0..<count).map { Self.number16(page, first + 2 * $0) }
    }

    /// A page below an interior one, and the highest rowid in it; nil for the last one, and in an index.
    struct Child {
        var page: Int
        var highest: Int64?
    }

    /// The pages below an interior one, in the order of their rows; nil when the page makes no sense.
    func children(_ number: Int) throws -> [Child]? {
        let page = try file.page(number)
        guard let cells = cells(page, number, headerSize: 12) else { return nil }
        let isTable = try kind(number) == .tableInterior
        var children: [Child] = []
        for cell in cells where cell + 4 <= usable {
            var place = cell + 4
            children.append(
                Child(
                    page: Self.number32(page, cell),
                    highest: isTable ? Self.varint(page[..<usable], &place) : nil))
        }
        children.append(Child(page: Self.number32(page, (number == 1 ? 100 : 0) + 8), highest: nil))
        return children.filter { $0.page >= 2 }
    }

    /// Returns the readable records of a page, and the number of its unreadable cells.
    func records(_ number: Int) throws -> (records: [Record], unreadable: Int) {
        let page = try file.page(number)
        let kind = try kind(number)
        let headerSize = kind == .indexInterior ? 12 : 8
        guard let cells = cells(page, number, headerSize: headerSize) else { return ([], 1) }
        let records = try cells.compactMap { cell in
            kind == .tableLeaf
                ? try row(page, at: cell)
                : try entry(page, at: kind == .indexInterior ? cell + 4 : cell)
        }
        return (records, cells.count - records.count)
    }

    private func row(_ page: [UInt8], at cell: Int) throws -> Record? {
        var place = cell
        guard let size = Self.varint(page[..<usable], &place),
            let rowid = Self.varint(page[..<usable], &place),
            let payload = try payload(size, of: page, from: place, most: usable - 35),
            let values = values(of: payload)
        else { return nil }
        return Record(rowid: rowid, values: values)
    }

    private func entry(_ page: [UInt8], at cell: Int) throws -> Record? {
        var place = cell
        guard let size = Self.varint(page[..<usable], &place),
            let payload = try payload(size, of: page, from: place, most: (usable - 12) * 64 / 255 - 23),
            let values = values(of: payload)
        else { return nil }
        return Record(rowid: nil, values: values)
    }

    /// - Parameter most: The largest part of a payload that may lie on the page itself: section 1.6 of the format.
    private func payload(_ size: Int64, of page: [UInt8], from place: Int, most: Int) throws -> [UInt8]? {
        guard size >= 1, size <= Int64(count) * Int64(pageSize) else { return nil }
        let size = Int(size)
        var local = size
        if size > most {
            let least = (usable - 12) * 32 / 255 - 23
            let rest = least + (size - least) % (usable - 4)
            local = rest <= most ? rest : least
        }
        guard place + local + (local < size ? 4 : 0) <= usable else { return nil }
        var payload = Array(page[place..<place + local])
        guard local < size else { return payload }
        var next = Self.number32(page, place + local)
        var left = (size - local + usable - 5) / (usable - 4)
        // A chain that leads back to itself would fill the memory with the same page again and again.
        var seen: Set<Int> = []
        while left > 0 {
            guard next >= 2, isPage(next), seen.insert(next).inserted else { return nil }
            let more = try file.page(next)
            payload += more[4..<4 + min(usable - 4, size - payload.count)]
            next = Self.number32(more, 0)
            left -= 1
        }
        return payload
    }

    /// Returns the pages of the free list, as far as it can be followed: their old rows must not come back.
    func freePages() throws -> PageSet {
        var free = PageSet(upTo: count)
        var trunk = firstFree
        while trunk >= 2, isPage(trunk), free.insert(trunk) {
            let page = try file.page(trunk)
            let leaves = Self.number32(page, 4)
            guard leaves <= usable / 4 - 2 else { break }
            for index in 0..<leaves { free.insert(Self.number32(page, 8 + 4 * index)) }
            trunk = Self.number32(page, 0)
        }
        return free
    }

    // MARK: Values

    private func values(of payload: [UInt8]) -> [SQLiteValue]? {
        var header = 0
        guard let headerSize = Self.varint(payload[...], &header), headerSize >= 1,
            headerSize <= payload.count
        else { return nil }
        var types: [Int64] = []
        while header < headerSize {
            guard let type = Self.varint(payload[...], &header), type >= 0, type != 10, type != 11 else {
                return nil
            }
            types.append(type)
        }
        // SQLITE_MAX_COLUMN
        guard header == Int(headerSize), types.count <= 2000 else { return nil }
        var values: [SQLiteValue] = []
        var at = header
        for type in types {
            let length = Self.length(type)
            guard length <= payload.count - at else { return nil }
            values.append(value(type, payload[at..<at + length]))
            at += length
        }
        // Every byte must be used: that distinguishes a row from rubbish.
        return at == payload.count ? values : nil
    }

    private static func varint(_ bytes: ArraySlice<UInt8>, _ place: inout Int) -> Int64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard place < bytes.endIndex else { return nil }
            let byte = bytes[place]
            place += 1
            if index == 8 { return Int64(bitPattern: value << 8 | UInt64(byte)) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { break }
        }
        return Int64(bitPattern: value)
    }

    private static func length(_ type: Int64) -> Int {
        switch type {
        case 0, 8, 9: 0
        case 1...4: Int(type)
        case 5: 6
        case 6, 7: 8
        default: Int((type - 12) / 2)
        }
    }

    private func value(_ type: Int64, _ bytes: ArraySlice<UInt8>) -> SQLiteValue {
        switch type {
        case 0: return .null
        case 8: return .integer(0)
        case 9: return .integer(1)
        case 1...7:
            var number = UInt64(bitPattern: bytes.first.map { Int64(Int8(bitPattern: $0)) } ?? 0)
            for byte in bytes.dropFirst() { number = number << 8 | UInt64(byte) }
            return type == 7 ? .real(Double(bitPattern: number)) : .integer(Int64(bitPattern: number))
        default: return type % 2 == 0 ? .blob(Array(bytes)) : text(Array(bytes))
        }
    }

    /// Returns the text. Invalid UTF-16 becomes U+FFFD, as in SQLite.
    private func text(_ bytes: [UInt8]) -> SQLiteValue {
        guard encoding != .utf8 else {
            return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .brokenText(bytes)
        }
        let units = stride(from: 0, to: bytes.count - 1, by: 2).map { at in
            encoding == .utf16le
                ? UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
                : UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
        }
        return .text(String(decoding: units, as: UTF16.self))
    }
}
