// SPDX-License-Identifier: Apache-2.0
import Kecs

/// The shell's suggestions for the value of a setting.
enum SettingCompletion {
    /// Returns the possible words of the setting on the line, where there are only some.
    @Sendable static func values(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        let key = words.indices.filter { $0 < index }.lazy.compactMap { SettingKey(rawValue: words[$0]) }
            .first
        return (key?.words ?? []).map { Offer($0) }.lines(words, index, prefix)
    }
}
