// SPDX-License-Identifier: Apache-2.0
import CLinux
public import SystemPackage

extension FilePath {
    /// Gives the file another name. No link is followed.
    ///
    /// - Throws: `FileError`; EEXIST when something has the name, EXDEV on another file system, EMLINK when it has too many
    ///   names already.
    public func link(to target: FilePath) throws {
        let code = withPlatformString { from in target.withPlatformString { to in paths_link(from, to) } }
        guard code == 0 else { throw FileError.last("link to \(target)", self) }
    }
}
