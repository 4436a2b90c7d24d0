// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct HomeOwnerCheck: Check {
    let info = CheckInfo("home.owner", .machine, .error, "the home belongs to the user who runs kecsctl")

    func run(_ look: Look) throws -> [Finding] {
        let home = look.site.home.path
        guard let status = try FileStatus.of(home.resolved()), status.owner != Machine.userID else {
            return []
        }
        return [
            Finding(
                Machine.userID == 0 ? .info : .error,
                "\(home) belongs to the user \(status.owner), and this is the user \(Machine.userID)",
                ["owner": .integer(Int64(status.owner)), "user": .integer(Int64(Machine.userID))],
                remedy: Machine.userID == 0
                    ? "sudo -u '#\(status.owner)' kecsctl list" : "sudo chown -R \(Machine.userID) \(home)")
        ]
    }
}
