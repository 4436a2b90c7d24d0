// SPDX-License-Identifier: Apache-2.0

/// Turns a recorded name into a path below the root, or returns why it is none.
enum EntryPath {
    enum Verdict: Equatable {
        case path([UInt8])
        case refused(String)
    }

    /// Linux: one name in a folder.
    static let nameLimit = 255

    static func check(_ raw: [UInt8], limit: Int) -> Verdict {
        if raw.isEmpty { return .refused("it has no name") }
        if raw[0] == UInt8(ascii: "/") { return .refused("its path is absolute") }
        if raw.contains(0) { return .refused("its name contains a NUL byte") }
        if raw.count > limit { return .refused("its path is longer than \(limit) bytes") }
        var path: [UInt8] = []
        path.reserveCapacity(raw.count)
        for part in raw.split(separator: UInt8(ascii: "/")) {
            if part.count == 1, part.first == UInt8(ascii: ".") { continue }
            if part.elementsEqual("..".utf8) { return .refused("its path contains “..”") }
            if part.count > nameLimit {
                return .refused("a name in its path is longer than \(nameLimit) bytes")
            }
            if !path.isEmpty { path.append(UInt8(ascii: "/")) }
            path.append(contentsOf: part)
        }
        return .path(path)
    }
}

extension Array where Element == UInt8 {
    /// Whether it is the path of something in the folder, or below it.
    func isBelow(_ folder: [UInt8]) -> Bool {
        if folder.isEmpty { return true }
        return count > folder.count && self[folder.count] == UInt8(ascii: "/") && starts(with: folder)
    }
}
