// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text without blanks and line breaks at both ends.
    public var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...end])
    }
}
