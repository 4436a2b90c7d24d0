// SPDX-License-Identifier: Apache-2.0
import CCrypto

/// A running SHA-256, by libcrypto, which uses the processor's own instructions.
public final class SHA256 {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            // Only when memory is gone.
            fatalError("libcrypto cannot start a SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let code = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(code == 1, "EVP_DigestUpdate")
    }

    public func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the digest, and returns it in lower-case hex. It can be begun again with `reset`.
    public func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        let code = EVP_DigestFinal_ex(context, &digest, nil)
        precondition(code == 1, "EVP_DigestFinal_ex")
        return hex(digest)
    }

    public func reset() { EVP_DigestInit_ex(context, nil, nil) }
}

/// The SHA-256 of some bytes in lower-case hex.
public func sha256(_ bytes: [UInt8]) -> String { hex(sha256Bytes(bytes)) }

/// The SHA-256 of some bytes as 32 bytes.
public func sha256Bytes(_ bytes: [UInt8]) -> [UInt8] { hash(bytes, EVP_sha256(), 32) }

/// The SHA-384 of some bytes in lower-case hex, which sqlx keeps of a migration.
public func sha384(_ bytes: [UInt8]) -> String { hex(hash(bytes, EVP_sha384(), 48)) }

private func hash(_ bytes: [UInt8], _ kind: OpaquePointer?, _ size: Int) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: size)
    let code = EVP_Digest(bytes, bytes.count, &digest, nil, kind, nil)
    precondition(code == 1, "EVP_Digest")
    return digest
}

/// Lower-case hex, two digits a byte.
public func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
