// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The pages of a database file as they lie there (https://sqlite.org/fileformat2.html), read without trusting anything:
/// what makes no sense is nil.
struct SQLitePages {
    let bytes: [UInt8]
    let pageSize: Int
    /// Without the bytes that extensions reserve at the end of each page.
    let usable: Int
    let count: Int

    /// One row as it lies in a table's leaf.
    struct Record {
        var rowid: Int64
        var values: [SQLiteValue]
    }

    /// - Throws: `SQLiteError` for a file whose header is not that of a database in UTF-8.
    init(_ file: FilePath) throws {
        bytes = try file.contents(limit: Int.max)
        func refuse(_ why: String) -> SQLiteError { SQLiteError(extendedCode: 26, message: why, path: file) }
        guard bytes.count >= 512, bytes.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw refuse("file is not a database")
        }
        let stored = Int(bytes[16]) << 8 | Int(bytes[17])
        pageSize = stored == 1 ? 65536 : stored
        guard (512...65536).contains(pageSize), pageSize & (pageSize - 1) == 0, bytes[59] <= 1 else {
            throw refuse("its header makes no sense, or its texts are not UTF-8")
        }
        usable = pageSize - Int(bytes[20])
        guard usable >= 480 else { throw refuse("its header makes no sense") }
        count = bytes.count / pageSize
    }

    private func start(_ page: Int) -> Int { (page - 1) * pageSize }
    private func number16(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
    private func number32(_ at: Int) -> Int { number16(at) << 16 | number16(at + 2) }

    enum Kind { case tableLeaf, tableInterior, other }

    func kind(_ page: Int) -> Kind {
        guard (1...max(count, 1)).contains(page), count > 0 else { return .other }
        return switch bytes[start(page) + (page == 1 ? 100 : 0)] {
        case 0x0d: .tableLeaf
        case 0x05: .tableInterior
        default: .other
        }
    }

    /// Where a page's cells begin; nil when the page's header makes no sense.
    private func cells(_ page: Int, headerSize: Int) -> [Int]? {
        let header = start(page) + (page == 1 ? 100 : 0)
        let number = number16(header + 3)
        let first = header + headerSize
        guard number <= (usable - headerSize) / 2, first + 2 * number <= start(page) + usable else {
            return nil
        }
        return (0..<number).map { start(page) + number16(first + 2 * $0) }
    }

    /// The pages below an interior one, in the order of their rows.
    func children(_ page: Int) -> [Int] {
        guard let cells = cells(page, headerSize: 12) else { return [] }
        let end = start(page) + pageSize
        let header = start(page) + (page == 1 ? 100 : 0)
        return (cells.filter { $0 + 4 <= end }.map(number32) + [number32(header + 8)])
            .filter { (2...max(count, 2)).contains($0) }
    }

    /// What can be made sense of on a leaf.
    func records(_ page: Int) -> [Record] {
        (cells(page, headerSize: 8) ?? []).compactMap { record(at: $0, end: start(page) + usable) }
    }

    private func record(at cell: Int, end: Int) -> Record? {
        var place = cell
        guard let size = varint(&place, end), let rowid = varint(&place, end), size >= 1, size <= bytes.count
        else {
            return nil
        }
        guard let payload = payload(Int(size), from: place, end: end) else { return nil }
        var header = 0
        guard let headerSize = Self.varint(payload, &header), headerSize >= 1, headerSize <= payload.count
        else {
            return nil
        }
        var types: [Int64] = []
        while header < headerSize {
            guard let type = Self.varint(payload, &header), type >= 0, type != 10, type != 11 else {
                return nil
            }
            types.append(type)
        }
        guard header == Int(headerSize) else { return nil }
        var values: [SQLiteValue] = []
        var at = header
        for type in types {
            let length = Self.length(type)
            guard length <= payload.count - at else { return nil }
            values.append(Self.value(type, payload[at..<at + length]))
            at += length
        }
        // Every byte must be used: that is what tells a row from rubbish.
        return at == payload.count ? Record(rowid: rowid, values: values) : nil
    }

    private func payload(_ size: Int, from place: Int, end: Int) -> [UInt8]? {
        let most = usable - 35
        var local = size
        if size > most {
            let least = (usable - 12) * 32 / 255 - 23
            let rest = least + (size - least) % (usable - 4)
            local = rest <= most ? rest : least
        }
        guard place + local + (local < size ? 4 : 0) <= end else { return nil }
        var payload = Array(bytes[place..<place + local])
        guard local < size else { return payload }
        var next = number32(place + local)
        while payload.count < size {
            guard (2...max(count, 2)).contains(next), start(next) + usable <= bytes.count else { return nil }
            let piece = min(usable - 4, size - payload.count)
            payload += bytes[start(next) + 4..<start(next) + 4 + piece]
            next = number32(start(next))
        }
        return payload
    }

    /// The pages of the list of free ones, as far as it can be followed: their old rows are not to come back.
    func freePages() -> Set<Int> {
        var free: Set<Int> = []
        var trunk = number32(32)
        while (2...max(count, 2)).contains(trunk), free.insert(trunk).inserted,
            start(trunk) + pageSize <= bytes.count
        {
            let leaves = number32(start(trunk) + 4)
            guard leaves <= usable / 4 - 2 else { break }
            for index in 0..<leaves { free.insert(number32(start(trunk) + 8 + 4 * index)) }
            trunk = number32(start(trunk))
        }
        return free
    }

    // MARK: Numbers

    private func varint(_ place: inout Int, _ end: Int) -> Int64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard place < end, place < bytes.count else { return nil }
            let byte = bytes[place]
            place += 1
            if index == 8 { return Int64(bitPattern: value << 8 | UInt64(byte)) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { break }
        }
        return Int64(bitPattern: value)
    }

    private static func varint(_ bytes: [UInt8], _ place: inout Int) -> Int64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard place < bytes.count else { return nil }
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

    private static func value(_ type: Int64, _ bytes: ArraySlice<UInt8>) -> SQLiteValue {
        switch type {
        case 0: return .null
        case 8: return .integer(0)
        case 9: return .integer(1)
        case 1...7:
            var number = UInt64(bitPattern: bytes.first.map { Int64(Int8(bitPattern: $0)) } ?? 0)
            for byte in bytes.dropFirst() { number = number << 8 | UInt64(byte) }
            return type == 7 ? .real(Double(bitPattern: number)) : .integer(Int64(bitPattern: number))
        default:
            let content = Array(bytes)
            if type % 2 == 0 { return .blob(content) }
            return String(validating: content, as: UTF8.self).map { .text($0) } ?? .brokenText(content)
        }
    }
}
