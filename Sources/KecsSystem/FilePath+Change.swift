// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// chmod(2). A symlink is an error (it has no mode of its own).
    public func setMode(_ mode: UInt32) throws {
        guard withPlatformString({ paths_chmod($0, mode) }) == 0 else {
            throw FileError.last("set the mode of", self)
        }
    }

    /// lchown(2). Without the right to give files away, a file that already has this owner is left as it is.
    public func setOwner(_ owner: (user: UInt32, group: UInt32)) throws {
        guard withPlatformString({ paths_lchown($0, owner.user, owner.group) }) == 0 else {
            if errno == EPERM, geteuid() != 0 { return }
            throw FileError.last("set the owner of", self)
        }
    }

    /// symlink(2): a link here that leads to `target`.
    public func makeLink(to target: FilePath) throws {
        let code = withPlatformString { link in target.withPlatformString { paths_symlink($0, link) } }
        guard code == 0 else { throw FileError.last("create the link", self) }
    }

    /// The target of a symlink, as raw bytes.
    public func linkTarget() throws -> [UInt8] {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = withPlatformString { paths_readlink($0, &bytes, UInt64(bytes.count)) }
        guard count >= 0 else { throw FileError.last("read the link", self) }
        return bytes[..<Int(count)].map { UInt8(bitPattern: $0) }
    }
}
