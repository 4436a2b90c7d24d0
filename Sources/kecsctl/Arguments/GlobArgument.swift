// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// A pattern for paths inside a part: `config/*.yaml`, `data/**`.
///
/// It can only name paths inside, so an absolute pattern and one with `..` are refused here already. So are a class
/// that never closes and a lone escape, which would silently match nothing.
struct GlobArgument: Hashable, Sendable {
    let pattern: String

    init?(_ text: String) {
        guard !text.isEmpty, !text.hasPrefix("/"), !text.contains("\0") else { return nil }
        let names = text.split(separator: "/")
        guard !names.contains(".."), Self.isClosed(text) else { return nil }
        pattern = text
    }

    private static func isClosed(_ text: String) -> Bool {
        var escaped = false
        /// The number of characters read of the open class, for `[]a]` and `[!]a]`; nil outside one.
        var inClass: Int?
        for character in text {
            if escaped {
                escaped = false
                if let read = inClass { inClass = read + 1 }
                continue
            }
            switch (character, inClass) {
            case ("\\", _): escaped = true
            case ("[", nil): inClass = 0
            case ("]", let read?) where read > 0: inClass = nil
            case ("!", 0?), ("^", 0?): break
            case (_, let read?): inClass = read + 1
            default: break
            }
        }
        return !escaped && inClass == nil
    }
}

extension GlobArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}
