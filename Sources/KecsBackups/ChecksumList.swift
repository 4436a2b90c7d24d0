// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The content of a `SHA256SUMS`: lines of 64 hexadecimal digits, two spaces and a name, as sha256sum(1) writes them.
///
/// A large part has thousands of them, and each command looks at every backup for a few: the bytes stay as they are.
struct ChecksumList {
    private let bytes: [UInt8]
    /// Where each line begins, and behind the last one.
    private var starts: [Int] = [0]

    private static let digits = 64
    /// Digits and spaces.
    private static let nameOffset = 66

    /// - Throws: `BackupDamage` for anything else.
    init(_ bytes: [UInt8]) throws {
        guard bytes.last == UInt8(ascii: "\n") else {
            throw BackupDamage(file: BackupStore.sumsName, why: "its last line is cut off")
        }
        self.bytes = bytes
        starts.reserveCapacity(bytes.count / 80)
        let damaged: Range<Int>? = bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") {
                if end > start, !Self.isLine(UnsafeBufferPointer(rebasing: bytes[start..<end])) {
                    return start..<end
                }
                start = end + 1
                starts.append(start)
            }
            return nil
        }
        if let damaged {
            throw BackupDamage(
                file: BackupStore.sumsName, why: "“\(printable(Array(bytes[damaged])))” is no line of it")
        }
    }

    private static func isLine(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        line.count > nameOffset && line[digits] == UInt8(ascii: " ") && line[digits + 1] == UInt8(ascii: " ")
            && line[..<digits].allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// The digest that the last line with this name has.
    subscript(name: String) -> String? {
        let wanted = Array(name.utf8)
        for index in starts.indices.dropLast().reversed() {
            let begin = starts[index] + Self.nameOffset
            let end = starts[index + 1] - 1
            guard end - begin == wanted.count, bytes[begin..<end].elementsEqual(wanted) else { continue }
            return String(decoding: bytes[starts[index]..<(starts[index] + Self.digits)], as: UTF8.self)
        }
        return nil
    }

    /// All digests, by name.
    var all: [String: String] {
        var all: [String: String] = [:]
        for (start, end) in zip(starts, starts.dropFirst()) where end - 1 > start {
            all[String(decoding: bytes[(start + Self.nameOffset)..<(end - 1)], as: UTF8.self)] =
                String(decoding: bytes[start..<(start + Self.digits)], as: UTF8.self)
        }
        return all
    }
}
