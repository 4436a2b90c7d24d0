// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The value for other eyes: members whose name sounds like a secret, and secrets inside texts, are masked.
    public var masked: JSONValue {
        switch self {
        case .string(let text): .string(text.masked)
        case .array(let items): .array(items.map(\.masked))
        case .object(let members):
            .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { key, value in
                        if key.soundsSecret, case .string(let text) = value, !text.isEmpty {
                            return (key, .string("•••"))
                        }
                        return (key, value.masked)
                    }))
        default: self
        }
    }
}
