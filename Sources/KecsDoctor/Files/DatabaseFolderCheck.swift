// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct DatabaseFolderCheck: InstanceCheck {
    let info = CheckInfo(
        "sqlite.dir-not-writable", .instance, .error,
        "the server can create the database's sidecars in its folder", fixable: true)
    var user = Machine.userID
    var group = Machine.groupID

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        var folder = try facts.data.get()
        if let database = facts.database.value, database.kind != .missing {
            folder = database.file.resolved().removingLastComponent()
        }
        guard let status = try FileStatus.of(folder.resolved()), status.kind == .folder else { return [] }
        let expected = try ExpectedOwner.of(facts, user: user, group: group)?.owner
        let server = expected ?? Repair.Owner(status.owner, status.group)
        // A container's root may write everyone's files.
        if server.user == 0, status.owner != 0 { return [] }
        guard !status.isWritable(by: server) else { return [] }
        // A folder that another user owns needs another owner, not another mode.
        let repairs: [Repair] =
            status.owner == server.user
            ? [.mode(PathText(folder.resolved()), from: status.mode, to: status.mode | 0o300)] : []
        return [
            Finding(
                .error,
                "the server of “\(facts.name)” cannot create files in \(folder), and SQLite needs -wal, -shm and "
                    + "-journal beside its database",
                [
                    "mode": .string(octal(status.mode)), "owner": .string("\(status.owner):\(status.group)"),
                    "server": .string("\(server)"),
                ],
                remedy: repairs.first?.commandLine
                    ?? "sudo chown \(server) \(ShellWords.quote([folder.string]))",
                repairs: repairs)
        ]
    }
}
