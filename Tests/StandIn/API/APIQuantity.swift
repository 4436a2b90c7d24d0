// SPDX-License-Identifier: Apache-2.0

/// Parses a quantity as resource.Quantity does: `100m`, `1.5`, `128Mi`, `2e3`; in thousandths.
enum APIQuantity {
    static func thousandths(_ text: String) -> Double? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "+" || $0 == "-") }
        guard let number = Double(digits), !digits.isEmpty else { return nil }
        let powers: [String: Double] = [
            "": 1e3, "m": 1, "u": 1e-3, "n": 1e-6, "k": 1e6, "M": 1e9, "G": 1e12, "T": 1e15, "P": 1e18,
            "E": 1e21,
            "Ki": 1024e3, "Mi": 1_048_576e3, "Gi": 1_073_741_824e3, "Ti": 1_099_511_627_776e3,
        ]
        let suffix = String(text.dropFirst(digits.count))
        if let power = powers[suffix] { return number * power }
        guard let first = suffix.first, "eE".contains(first), let exponent = Int(suffix.dropFirst()) else {
            return nil
        }
        var value = number * 1e3
        for _ in 0..<abs(exponent) { value = exponent > 0 ? value * 10 : value / 10 }
        return value
    }
}
