// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct HomeModeCheck: Check {
    let info = CheckInfo("home.mode", .machine, .warning, "other users cannot read the home", fixable: true)

    func run(_ look: Look) throws -> [Finding] {
        let home = look.site.home
        return try [home.path, home.instances, home.backups].compactMap { folder in
            guard let status = try FileStatus.of(folder), status.kind == .folder, status.mode & 0o077 != 0
            else {
                return nil
            }
            let repair = Repair.mode(PathText(folder), from: status.mode, to: status.mode & ~0o077)
            return Finding(
                .warning, "other users can read \(folder)", ["mode": .string(octal(status.mode))],
                remedy: repair.commandLine, repairs: [repair])
        }
    }
}
