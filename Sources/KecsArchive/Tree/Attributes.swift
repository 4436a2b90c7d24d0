// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Extended attributes and ACLs of an open file as pax records that `tar --xattrs --acls` understands.
enum Attributes {
    static let xattrKey = Array("SCHILY.xattr.".utf8)
    static let accessKey = Array("SCHILY.acl.access".utf8)
    static let defaultKey = Array("SCHILY.acl.default".utf8)
    static let accessName = "system.posix_acl_access"
    static let defaultName = "system.posix_acl_default"
    private static let limit = 64 << 10  // XATTR_LIST_MAX and XATTR_SIZE_MAX, linux/limits.h

    typealias Records = [(key: [UInt8], value: [UInt8])]

    /// The object whose attributes are read.
    enum Subject {
        case descriptor(CInt)
        /// An O_PATH descriptor, whose attributes have to be read by its name in /proc.
        case pathDescriptor(CInt)

        fileprivate func list(_ room: UnsafeMutableBufferPointer<CChar>?) -> Int64 {
            let count = UInt64(room?.count ?? 0)
            return switch self {
            case .descriptor(let file): clinux_list_xattrs(file, room?.baseAddress, count)
            case .pathDescriptor(let file):
                clinux_list_path_xattrs("/proc/self/fd/\(file)", room?.baseAddress, count)
            }
        }

        fileprivate func get(_ name: UnsafePointer<CChar>, _ room: UnsafeMutableRawBufferPointer) -> Int64 {
            let count = UInt64(room.count)
            return switch self {
            case .descriptor(let file): clinux_get_xattr(file, name, room.baseAddress, count)
            case .pathDescriptor(let file):
                clinux_get_path_xattr("/proc/self/fd/\(file)", name, room.baseAddress, count)
            }
        }
    }

    static func records(of subject: Subject, path: @autoclosure () -> FilePath) throws -> Records {
        // Most files have none: one call and no memory.
        let room = subject.list(nil)
        if room == 0 { return [] }
        if room < 0 {
            if errno == EOPNOTSUPP || errno == ENOSYS { return [] }
            throw FileError.last("list the attributes of", path())
        }
        var names = [CChar](repeating: 0, count: limit)
        let count = names.withUnsafeMutableBufferPointer { subject.list($0) }
        guard count >= 0 else { throw FileError.last("list the attributes of", path()) }
        var records: Records = []
        for name in names[..<Int(count)].split(separator: 0) {
            let raw = name.map { UInt8(bitPattern: $0) }
            guard let value = try value(of: raw, subject, path: path()) else { continue }
            if raw.elementsEqual(accessName.utf8) {
                if let text = ACLText.text(of: value) { records.append((accessKey, text)) }
            } else if raw.elementsEqual(defaultName.utf8) {
                if let text = ACLText.text(of: value) { records.append((defaultKey, text)) }
            } else if !raw.starts(with: "system.".utf8) {
                records.append((xattrKey + encoded(raw), value))
            }
        }
        return records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// Returns the value; nil when it went away, or when only its owner may see it (`trusted.…`).
    private static func value(of name: [UInt8], _ subject: Subject, path: FilePath) throws -> [UInt8]? {
        var room = [UInt8](repeating: 0, count: limit)
        let count = withName(name) { name in room.withUnsafeMutableBytes { subject.get(name, $0) } }
        if count >= 0 { return Array(room[..<Int(count)]) }
        if errno == ENODATA || errno == EPERM || errno == EOPNOTSUPP { return nil }
        throw FileError.last("read an attribute of", path)
    }

    static func withName<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        var text = name.map { CChar(bitPattern: $0) }
        text.append(0)
        return text.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else {
                preconditionFailure("an array with an end has a start")
            }
            return body(start)
        }
    }

    /// Encodes a name as GNU tar does since 1.31 (`xattr_encode_keyword`): `=` ends a pax key.
    static func encoded(_ name: [UInt8]) -> [UInt8] {
        guard name.contains(UInt8(ascii: "=")) || name.contains(UInt8(ascii: "%")) else { return name }
        return name.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "="): Array("%3D".utf8)
            case UInt8(ascii: "%"): Array("%25".utf8)
            default: [byte]
            }
        }
    }

    static func decoded(_ name: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = name
        while let byte = rest.first {
            if rest.starts(with: "%3D".utf8) || rest.starts(with: "%25".utf8) {
                result.append(UInt8(ascii: rest.starts(with: "%3D".utf8) ? "=" : "%"))
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
