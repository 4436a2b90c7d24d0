// SPDX-License-Identifier: Apache-2.0
import Glibc

/// POSIX ACLs between the kernel's form (linux/posix_acl_xattr.h: version 2, then tag, permissions, id for each entry)
/// and the text that tar archives hold: `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`.
enum ACLText {
    private static let tags: [(tag: UInt16, word: String, hasID: Bool)] = [
        (0x01, "user", false), (0x02, "user", true), (0x04, "group", false), (0x08, "group", true),
        (0x10, "mask", false), (0x20, "other", false),
    ]

    static func text(of acl: [UInt8]) -> [UInt8]? {
        guard acl.count > 4, (acl.count - 4) % 8 == 0 else { return nil }
        return acl.withUnsafeBytes { bytes -> [UInt8]? in
            guard bytes.get(at: 0) == 2 else { return nil }
            var entries: [String] = []
            for start in stride(from: 4, to: bytes.count, by: 8) {
                let both = bytes.get(at: start)
                let permissions = both >> 16
                guard let kind = tags.first(where: { $0.tag == UInt16(both & 0xffff) }), permissions < 8
                else {
                    return nil
                }
                let id = kind.hasID ? String(bytes.get(at: start + 4)) : ""
                let letters = [(4, "r"), (2, "w"), (1, "x")].map { permissions & $0.0 != 0 ? $0.1 : "-" }
                entries.append("\(kind.word):\(id):\(letters.joined())")
            }
            return Array(entries.joined(separator: ",").utf8)
        }
    }

    /// Nil for text that is no ACL, or that names a user or group this machine does not know.
    static func acl(of text: [UInt8]) -> [UInt8]? {
        var entries: [(tag: UInt16, permissions: UInt16, id: UInt32)] = []
        let separators: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "\n")]
        for raw in text.split(whereSeparator: { separators.contains($0) }) {
            // A comment after `#` is star's and getfacl's.
            let entry = String(decoding: raw.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self)
                .filter { $0 != " " && $0 != "\t" }
            if entry.isEmpty { continue }
            var fields = entry.split(separator: ":", omittingEmptySubsequences: false)
            // "mask:r--" and "other:r--" are short forms.
            if fields.count == 2 { fields.insert("", at: 1) }
            guard fields.count >= 3, let permissions = permissions(fields[2]) else { return nil }
            let word = fields[0] == "u" ? "user" : fields[0] == "g" ? "group" : fields[0]
            guard let kind = tags.first(where: { $0.word == word && $0.hasID == !fields[1].isEmpty }) else {
                return nil
            }
            var id = UInt32.max
            if kind.hasID {
                // star adds the number as a fourth field.
                let number = UInt32(fields[1]) ?? (fields.count > 3 ? UInt32(fields[3]) : nil)
                guard let found = number ?? lookUp(String(fields[1]), isUser: word == "user") else {
                    return nil
                }
                id = found
            }
            entries.append((kind.tag, permissions, id))
        }
        guard !entries.isEmpty else { return nil }
        entries.sort { ($0.tag, $0.id) < ($1.tag, $1.id) }
        var acl: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            withUnsafeBytes(of: entry.tag.littleEndian) { acl.append(contentsOf: $0) }
            withUnsafeBytes(of: entry.permissions.littleEndian) { acl.append(contentsOf: $0) }
            withUnsafeBytes(of: entry.id.littleEndian) { acl.append(contentsOf: $0) }
        }
        return acl
    }

    private static func permissions(_ text: Substring) -> UInt16? {
        var bits: UInt16 = 0
        for letter in text {
            switch letter {
            case "r": bits |= 4
            case "w": bits |= 2
            case "x": bits |= 1
            case "-": break
            default: return nil
            }
        }
        return bits
    }

    private static func lookUp(_ name: String, isUser: Bool) -> UInt32? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { room in
            if isUser {
                var entry = passwd()
                var found: UnsafeMutablePointer<passwd>?
                guard let start = room.baseAddress, getpwnam_r(name, &entry, start, room.count, &found) == 0
                else { return nil }
                return found?.pointee.pw_uid
            }
            var entry = group()
            var found: UnsafeMutablePointer<group>?
            guard let start = room.baseAddress, getgrnam_r(name, &entry, start, room.count, &found) == 0
            else { return nil }
            return found?.pointee.gr_gid
        }
    }
}
