// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

extension FileStatus {
    /// Returns true when the mode lets that user write, root's privilege left out.
    func isWritable(by owner: Repair.Owner) -> Bool {
        if self.owner == owner.user { return mode & 0o200 != 0 }
        if group == owner.group { return mode & 0o020 != 0 }
        return mode & 0o002 != 0
    }
}
