// SPDX-License-Identifier: Apache-2.0

/// Finds the word that a user meant.
public enum NearestWord {
    /// Returns the nearest of the words, or nil when none is near: at most half of the letters may differ, and at most
    /// three. A word that is contained whole in a longer one is near, too: “--port” in “--api-port”.
    public static func of(_ word: String, among words: some Sequence<String>) -> String? {
        let typed = Array(word.lowercased().unicodeScalars.prefix(64))
        guard !typed.isEmpty else { return nil }
        let letterCount = typed.count { $0 != "-" }
        // An option's hyphens do not count as letters.
        let limit = max(1, min(3, (letterCount < typed.count ? letterCount + 1 : letterCount) / 2))
        let near = words.compactMap { candidate -> (word: String, distance: Int)? in
            let letters = Array(candidate.lowercased().unicodeScalars)
            // The beginning of a longer word may be mistyped too: “--dri” for “--dry-run”.
            let beginning = typed.count > 4 ? Array(letters.prefix(typed.count)) : letters
            var distance = Self.distance(typed, letters)
            let ofBeginning = Self.distance(typed, beginning)
            if ofBeginning <= 1 { distance = min(distance, ofBeginning + 1) }
            let words = candidate.lowercased().split(separator: "-")
            let typedWords = word.lowercased().split(separator: "-")
            if letterCount > 3, words.count > typedWords.count,
                words.suffix(typedWords.count) == typedWords[...]
            {
                distance = min(distance, 2)
            }
            return distance <= limit ? (candidate, distance) : nil
        }
        return near.min { ($0.distance, $0.word) < ($1.distance, $1.word) }?.word
    }

    /// Letters to insert, to remove, to change or to exchange with their neighbour.
    static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var now = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(
                    last[column + 1] + 1, now[column] + 1, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                now.append(best)
            }
            (beforeLast, last) = (last, now)
        }
        return last[right.count]
    }
}
