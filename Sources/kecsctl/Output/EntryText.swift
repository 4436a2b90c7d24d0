// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// An entry of a backup as `ls -l` prints one. Every column has a fixed width, so that a line can be written before the
/// next one is known; the path is the last.
enum EntryText {
    static let header = "MODE        OWNER             SIZE  MODIFIED              PATH\n"

    static func line(_ entry: BackupEntry) -> String {
        let owner = entry.owner.map { "\($0):\(entry.group ?? 0)" } ?? "-"
        return left(mode(entry), 10) + "  " + left(owner, 11) + "  " + size(entry) + "  " + time(entry) + "  "
            + path(entry) + "\n"
    }

    static func size(_ entry: BackupEntry) -> String {
        let text = "\(ByteCount(entry.bytes))"
        return String(repeating: " ", count: max(0, 9 - text.count)) + text
    }

    static func time(_ entry: BackupEntry) -> String {
        left(entry.modifiedAt.map(\.description) ?? "-", 20)
    }

    static func path(_ entry: BackupEntry) -> String {
        entry.path + (entry.kind == .folder || entry.kind == .part ? "/" : "")
            + (entry.target.map { entry.kind == .symlink ? " -> \($0)" : " = \($0)" } ?? "")
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func mode(_ entry: BackupEntry) -> String {
        let kind =
            switch entry.kind {
            case .part, .folder: "d"
            case .symlink: "l"
            case .file, .hardLink: "-"
            }
        guard let mode = entry.mode else { return kind + "---------" }
        let letters = ["r", "w", "x", "r", "w", "x", "r", "w", "x"]
        var text = letters.enumerated().map { index, letter in
            mode & (0o400 >> UInt32(index)) != 0 ? letter : "-"
        }
        for (bit, index, letter) in [(UInt32(0o4000), 2, "s"), (0o2000, 5, "s"), (0o1000, 8, "t")]
        where mode & bit != 0 {
            text[index] = text[index] == "x" ? letter : letter.uppercased()
        }
        return kind + text.joined()
    }
}
