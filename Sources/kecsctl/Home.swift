// SPDX-License-Identifier: Apache-2.0
import SystemPackage

enum Home {
    /// `--home`, else `$KECS_HOME`, else `~/.kecs`. Nil when none of them says an absolute path.
    static func folder(flag: FilePath?, environment: [String: String]) -> FilePath? {
        if let flag { return flag }
        if let variable = environment["KECS_HOME"], !variable.isEmpty {
            return PathArgument(variable)?.path
        }
        guard let user = environment["HOME"], user.hasPrefix("/") else { return nil }
        return FilePath(user).appending(".kecs")
    }
}
