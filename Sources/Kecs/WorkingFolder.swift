// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

public enum WorkingFolder {
    /// The current folder; nil when it was deleted: cron and CI do that.
    public static var current: FilePath? {
        guard let buffer = getcwd(nil, 0) else { return nil }
        defer { free(buffer) }
        let path = FilePath(platformString: buffer)
        return path.isAbsolute ? path : nil
    }
}
