// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct DatabaseFileCheck: InstanceCheck {
    let info = CheckInfo(
        "sqlite.file-not-writable", .instance, .error, "the server can write its database", fixable: true)
    var user = Machine.userID
    var group = Machine.groupID

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard let status = database.status, status.kind == .file else { return [] }
        let expected = try ExpectedOwner.of(facts, user: user, group: group)?.owner
        let server = expected ?? Repair.Owner(status.owner, status.group)
        if server.user == 0, status.owner != 0 { return [] }
        guard !status.isWritable(by: server) else { return [] }
        let file = database.file.resolved()
        let repairs: [Repair] =
            status.owner == server.user
            ? [.mode(PathText(file), from: status.mode, to: status.mode | 0o200)] : []
        return [
            Finding(
                .error, "the server of “\(facts.name)” cannot write \(file)",
                [
                    "mode": .string(octal(status.mode)), "owner": .string("\(status.owner):\(status.group)"),
                    "server": .string("\(server)"),
                ],
                remedy: repairs.first?.commandLine
                    ?? "sudo chown \(server) \(ShellWords.quote([file.string]))",
                repairs: repairs)
        ]
    }
}
