// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The facts that extended headers give about the entry behind them.
struct PaxRecords {
    var path: [UInt8]?
    var link: [UInt8]?
    var size: Int64?
    var owner: UInt32?
    var group: UInt32?
    var modified: Moment?
    var xattrs: [(name: [UInt8], value: [UInt8])] = []
    var accessACL: [UInt8]?
    var defaultACL: [UInt8]?
    var sparse = Sparse()

    /// GNU tar's three formats of sparse files in pax archives.
    struct Sparse {
        var major: Int64?
        var minor: Int64?
        var name: [UInt8]?
        var size: Int64?
        /// Formats 0.0 and 0.1; in 1.0 the map precedes the content.
        var map: [Int64] = []
        var isUsed: Bool { major != nil || !map.isEmpty || size != nil }

        /// - Returns: False when the map has reached its largest length.
        mutating func add(_ number: Int64) -> Bool {
            guard map.count < TarReader.extentLimit * 2 else { return false }
            map.append(number)
            return true
        }
    }

    /// - Parameter isGlobal: True for records that apply to all following entries: one that names or measures an entry
    ///   is then refused.
    /// - Returns: A description of the error in the records, or nil.
    mutating func read(_ bytes: [UInt8], isGlobal: Bool) -> String? {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")), space > rest.startIndex,
                let length = Self.decimal(rest[..<space]).flatMap({ Int(exactly: $0) }),
                length > space - rest.startIndex + 1, length <= rest.count,
                rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { return "an extended header is malformed" }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                return "an extended header is malformed"
            }
            let value = record[(equals + 1)...]
            if isGlobal {
                let key = record[..<equals]
                let harmless = key.elementsEqual("comment".utf8) || key.elementsEqual("hdrcharset".utf8)
                if !harmless { return "a global header changes all entries that follow" }
            } else if !take(record[..<equals], value) {
                return "an extended header has a value that cannot be"
            }
            rest = rest.dropFirst(length)
        }
        return nil
    }

    private mutating func take(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        if key.starts(with: Attributes.xattrKey) {
            let name = Attributes.decoded(key.dropFirst(Attributes.xattrKey.count))
            guard !name.contains(0), !name.isEmpty else { return false }
            xattrs.append((name, Array(value)))
            return true
        }
        switch String(decoding: key, as: UTF8.self) {
        case "path":
            path = Array(value)
            return !value.contains(0)
        case "linkpath":
            link = Array(value)
            return !value.contains(0)
        case "size":
            size = Self.decimal(value)
            return size != nil
        case "uid":
            owner = Self.decimal(value).flatMap { UInt32(exactly: $0) }
            return owner != nil
        case "gid":
            group = Self.decimal(value).flatMap { UInt32(exactly: $0) }
            return group != nil
        case "mtime":
            modified = Self.time(value)
            return modified != nil
        case "SCHILY.acl.access": accessACL = Array(value)
        case "SCHILY.acl.default": defaultACL = Array(value)
        case "GNU.sparse.major":
            sparse.major = Self.decimal(value)
            return sparse.major != nil
        case "GNU.sparse.minor":
            sparse.minor = Self.decimal(value)
            return sparse.minor != nil
        case "GNU.sparse.name":
            sparse.name = Array(value)
            return !value.contains(0)
        case "GNU.sparse.size", "GNU.sparse.realsize":
            sparse.size = Self.decimal(value)
            return sparse.size != nil
        case "GNU.sparse.offset", "GNU.sparse.numbytes":
            guard let number = Self.decimal(value) else { return false }
            return sparse.add(number)
        case "GNU.sparse.map":
            sparse.map = []
            var rest = value
            while true {
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                guard let number = Self.decimal(rest[..<end]), sparse.add(number) else { return false }
                if end == rest.endIndex { return true }
                rest = rest[(end + 1)...]
            }
        default: break
        }
        return true
    }

    /// Digits only: no sign, no space, no more than fits.
    static func decimal(_ text: ArraySlice<UInt8>) -> Int64? {
        guard !text.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (tenfold, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOverToo) = tenfold.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if isOver || isOverToo { return nil }
            value = sum
        }
        return value
    }

    /// "-1.25" is 1.25 s before 1970. Digits beyond nanoseconds are cut off.
    private static func time(_ text: ArraySlice<UInt8>) -> Moment? {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let seconds = decimal(first), seconds < 1 << 55 else { return nil }
        var nanoseconds: Int32 = 0
        if parts.count == 2, !parts[1].isEmpty {
            let digits = parts[1].prefix(9)
            guard let value = decimal(digits), parts[1].allSatisfy({ $0 >= 48 && $0 <= 57 }) else {
                return nil
            }
            nanoseconds = Int32(value)
            for _ in digits.count..<9 { nanoseconds *= 10 }
        }
        if !isNegative { return Moment(seconds: seconds, nanoseconds: nanoseconds) }
        return nanoseconds == 0
            ? Moment(seconds: -seconds)
            : Moment(seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}
