// SPDX-License-Identifier: Apache-2.0
import CCrypto
import KecsSystem

/// SHA-256 as 32 bytes.
func sha256Bytes(_ bytes: [UInt8]) -> [UInt8] { hash(bytes, EVP_sha256(), 32) }

/// Returns the SHA-384 digest in lower-case hex, which sqlx keeps of a migration.
func sha384(_ bytes: [UInt8]) -> String { hex(hash(bytes, EVP_sha384(), 48)) }

private func hash(_ bytes: [UInt8], _ kind: OpaquePointer?, _ size: Int) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: size)
    let code = EVP_Digest(bytes, bytes.count, &digest, nil, kind, nil)
    precondition(code == 1, "EVP_Digest")
    return digest
}
