// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct StatusCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Tell all that is known of instances without asking their servers.")

    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl status dev", "everything about “dev”"),
        .init("kecsctl status", "about every instance"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let now = session.machine.clock.now()
        let listing = Session.Listing<InstanceSummary>(
            kind: "InstanceList",
            table: { items, _ in items.map { Self.text($0, now) }.joined(separator: "\n") },
            name: \.name, nothing: "there is no instance yet; “kecsctl start dev --runtime local” makes one")
        let names = try session.resolve(instances.selection, unnamed: .everything)
        return await session.list(listing, over: names) { name in
            try await ListInstances(site: session.site).run(
                [try InstanceName(checking: name)], healed: { session.tell([$0]) })
        }
    }

    private static func text(_ item: InstanceSummary, _ now: Moment) -> String {
        var lines = [("instance", item.name), ("state", item.state), ("runtime", item.runtime ?? "-")]
        lines += item.endpoints.map { ($0.name, $0.url) }
        lines.append(("size", "\(ByteCount(item.sizeBytes))"))
        lines.append(
            (
                "last backup",
                item.lastBackup.map {
                    "\($0.id), \(DurationText.age(of: $0.createdAt, at: now))"
                        + ($0.verified ? ", verified" : "")
                } ?? "none"
            ))
        if let previous = item.previous {
            lines.append(
                ("undo", "\(previous.id) can be taken back; it takes \(ByteCount(previous.sizeBytes))"))
        }
        lines += item.problems.map { ("problem", $0) }
        return lines.map { title, text in
            title + ":" + String(repeating: " ", count: 13 - title.count) + text.printable + "\n"
        }.joined()
    }
}
