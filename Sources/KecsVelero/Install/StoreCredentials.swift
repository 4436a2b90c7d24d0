// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Velero's credentials for its object store, in the form of AWS' shared credentials file. The stored data does not
/// depend on them: another pair opens the same folder.
public struct StoreCredentials: Hashable, Sendable {
    public let accessKey: String
    public let secretKey: Secret

    /// Creates new credentials.
    ///
    /// - Parameter random: 28 bytes; 20 of them are the secret.
    public init(random: [UInt8]) {
        precondition(random.count == Self.randomBytes)
        accessKey = "kecs-" + hex(Array(random[20...]))
        secretKey = Secret(hex(Array(random[..<20])))
    }

    public static let randomBytes = 28

    /// Parses the text of a file.
    ///
    /// - Returns: Nil for a text that kecsctl did not write.
    public init?(_ text: String) {
        var values: [Substring: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: "=", maxSplits: 1)
            guard words.count == 2 else { continue }
            values[Self.trimmed(words[0])] = String(Self.trimmed(words[1]))
        }
        // The shortest lengths that MinIO accepts.
        guard let accessKey = values["aws_access_key_id"], let secretKey = values["aws_secret_access_key"],
            accessKey.utf8.count >= 3, secretKey.utf8.count >= 8
        else { return nil }
        self.accessKey = accessKey
        self.secretKey = Secret(secretKey)
    }

    /// The content of the file.
    public var text: Secret {
        Secret(
            """
            [default]
            aws_access_key_id=\(accessKey)
            aws_secret_access_key=\(secretKey.reveal())

            """)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return text
    }
}

/// The encoding of a Secret's values in Kubernetes.
enum Base64 {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (UInt32(3 - group.count) * 8)
            for place in 0..<4 {
                result.append(
                    place <= group.count
                        ? letters[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
