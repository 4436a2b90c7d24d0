// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension JSONValue {
    /// Returns the merged value: objects field by field; everything else of `other` replaces the value here.
    func merging(_ other: JSONValue) -> JSONValue {
        guard case .object(var fields) = self, case .object(let newer) = other else { return other }
        for (key, value) in newer { fields[key] = fields[key].map { $0.merging(value) } ?? value }
        return .object(fields)
    }
}
