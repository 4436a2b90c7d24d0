// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// An instance's folder under its old and under its new name. Converts paths and texts from the one to the other.
struct MovedFolder: Sendable {
    let from: FilePath
    let to: FilePath

    func path(_ path: FilePath) -> FilePath {
        guard path.starts(with: from) else { return path }
        return to.appending(path.components.dropFirst(from.components.count))
    }

    private func path(_ text: PathText) -> PathText { PathText(path(text.path)) }

    /// Returns the text with every path in it converted: of a list (`a:b`, `a,b`), of a command line.
    func text(_ text: String) -> String {
        let old = Array(from.string.utf8)
        var rest = Array(text.utf8)[...]
        var result: [UInt8] = []
        while !rest.isEmpty {
            let isHere =
                rest.starts(with: old) && Self.isEdge(rest.dropFirst(old.count).first)
                && (result.last.map { !Self.isInName($0) } ?? true)
            guard isHere else {
                result.append(rest.removeFirst())
                continue
            }
            result += Array(to.string.utf8)
            rest = rest.dropFirst(old.count)
        }
        return String(decoding: result, as: UTF8.self)
    }

    func value(_ value: JSONValue) -> JSONValue {
        if case .string(let text) = value { .string(self.text(text)) } else { value }
    }

    /// Returns true for a byte that may follow a whole path: `/srv/dev-2` is not below `/srv/dev`.
    private static func isEdge(_ byte: UInt8?) -> Bool {
        byte.map { $0 == UInt8(ascii: "/") || !isInName($0) } ?? true
    }

    private static func isInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "/"), 0x80...:
            true
        default: false
        }
    }

    /// Returns a swap as `undo` needs it, after its trees have moved with the folder.
    func swap(_ swap: Swap) -> Swap {
        var moved = swap
        moved.previous = path(swap.previous)
        moved.staging = swap.staging.map(path)
        moved.units = swap.units.map { unit in
            var unit = unit
            unit.live = path(unit.live)
            unit.staged = unit.staged.map(path)
            unit.previous = path(unit.previous)
            return unit
        }
        moved.fills = swap.fills?.map { fill in
            var fill = fill
            fill.archive = path(fill.archive)
            fill.kept = fill.kept.map(path)
            return fill
        }
        return moved
    }
}
