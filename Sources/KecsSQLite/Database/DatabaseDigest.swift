// SPDX-License-Identifier: Apache-2.0
import CLinux
import CCrypto
import Glibc
import KecsSystem
import SystemPackage

/// SHA-256 over pieces, in hexadecimal at the end.
public struct DatabaseDigest: ~Copyable {
    private let context: OpaquePointer?

    public init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    public func add(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    public consuming func finish() -> String {
        var hash = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &hash, nil)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    public static func of(_ bytes: [UInt8]) -> String {
        let digest = DatabaseDigest()
        bytes.withUnsafeBytes { digest.add($0) }
        return digest.finish()
    }

    /// Returns the digest of a whole file that no connection of this process has open.
    static func of(file path: FilePath, _ cancellation: Cancellation) throws -> String {
        let file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        defer { close(file) }
        let digest = DatabaseDigest()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            try cancellation.check()
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError.last("read", path) }
            if count == 0 { return digest.finish() }
            buffer.withUnsafeBytes { digest.add(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
