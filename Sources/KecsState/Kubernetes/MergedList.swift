// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A list that Kubernetes merges by a key, so that no key may be in it twice. The last value counts, in the place of
/// the first.
struct MergedList {
    private(set) var keys: [String] = []
    private var values: [String: JSONValue] = [:]
    /// The keys that occurred more than once, each once.
    private(set) var repeated: [String] = []

    var items: [JSONValue] { keys.compactMap { values[$0] } }

    mutating func set(_ key: String, _ value: JSONValue) {
        if values.updateValue(value, forKey: key) == nil {
            keys.append(key)
        } else if !repeated.contains(key) {
            repeated.append(key)
        }
    }
}
