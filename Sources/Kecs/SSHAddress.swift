// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// `ssh://[USER@]HOST[:PORT]/PATH`: a folder on a machine that ssh reaches with a key. Of another machine's home the path
/// may be missing.
struct SSHAddress: Hashable, Sendable {
    static let scheme = "ssh://"

    let user: String?
    let host: String
    let port: UInt16?
    /// Absolute; empty only where it may be missing.
    let path: String

    init?(_ text: String, needsPath: Bool = true) {
        guard text.hasPrefix(Self.scheme) else { return nil }
        let rest = text.dropFirst(Self.scheme.count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard slash < rest.endIndex || !needsPath else { return nil }
        path = String(rest[slash...])
        var place = rest[..<slash]
        if let at = place.lastIndex(of: "@") {
            user = String(place[..<at])
            place = place[place.index(after: at)...]
        } else {
            user = nil
        }
        let halves = place.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        host = String(halves[0])
        port = halves.count == 2 ? UInt16(halves[1]) : nil
        // Also in an option of rclone's, where commas and colons mean something.
        func isPlain(_ word: String) -> Bool {
            !word.isEmpty && !word.hasPrefix("-")
                && word.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                        || [45, 46, 95].contains($0)
                }
        }
        guard isPlain(host), user.map(isPlain) ?? true, halves.count == 1 || (port ?? 0) > 0,
            !path.contains(where: \.isNewline), !path.contains("\0")
        else { return nil }
    }
}
