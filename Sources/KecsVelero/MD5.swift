// SPDX-License-Identifier: Apache-2.0
import CCrypto
import KecsSystem

/// A running MD5: S3's ETag of an object that was uploaded in one piece.
final class MD5 {
    private let context: OpaquePointer

    /// Creates a digest; nil where libcrypto has no MD5 (FIPS).
    init?() {
        guard let context = EVP_MD_CTX_new() else { return nil }
        self.context = context
        guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else { return nil }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// Ends the digest, and returns it in hexadecimal.
    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 16)
        EVP_DigestFinal_ex(context, &digest, nil)
        return hex(digest)
    }

    static let isAvailable = MD5() != nil

    /// Returns true for an MD5. The ETag of a multipart upload is none: it is a digest of digests, “…-3”.
    static func isDigest(_ etag: String) -> Bool {
        etag.utf8.count == 32 && etag.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
