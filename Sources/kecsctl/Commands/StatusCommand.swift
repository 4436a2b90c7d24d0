// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct StatusCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show everything known about instances without querying their servers.")

    static let help = CommandHelp(
        ExitStatus.instances.union([14, 20]), .init("kecsctl status dev", "everything about “dev”"),
        .init("kecsctl status dev --wait --timeout 60s --quiet", "is it healthy? the exit status tells"),
        .init("kecsctl status", "about every instance"))

    @OptionGroup var instances: InstanceArguments
    @Flag(
        help:
            "Also query the server, and compare its database and clusters with this host's. Exits with 20 if they differ."
    )
    var deep = false

    @Flag(
        help: """
            Wait until the instance runs and its server is healthy; several instances in turn. Exits with 0 when it is, \
            with 15 after --timeout (default: the setting startLimit), with 1 if the server has ended, or with 14 if its state cannot be determined.
            """)
    var wait = false

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let now = session.machine.clock.now()
        let listing = Session.Listing<InstanceSummary>(
            kind: "InstanceList",
            table: { items, _ in items.map { Self.text($0, now) }.joined(separator: "\n") },
            name: \.name, nothing: "there is no instance yet; “kecsctl start dev --runtime local” makes one",
            status: { $0.deep?.problems.isEmpty ?? true ? 0 : Failure.Kind.problemsFound.rawValue })
        let names = try session.resolve(instances.selection, unnamed: .everything)
        var unwell: [Int32] = []
        if wait { unwell = await health(session, names) }
        let status = await session.list(listing, over: names) { name in
            var items = try await ListInstances(site: session.site).run(
                [try InstanceName(checking: name)])
            for index in items.indices where deep && items[index].state == RuntimeState.running.name {
                let instance = try session.site.instance(try InstanceName(checking: items[index].name))
                let found = try await InspectDeep(site: session.site).run(instance)
                items[index].deep = found
                items[index].problems += found.problems
            }
            return items
        }
        return unwell.contains { $0 != 0 } ? Session.status(unwell) : status
    }

    /// Waits for each. Problems are reported before the list, which shows the state at that time.
    private func health(_ session: Session, _ names: [String]) async -> [Int32] {
        var statuses: [Int32] = []
        for text in names {
            do {
                let instance = try session.site.instance(try InstanceName(checking: text))
                try await AwaitHealth(site: session.site).run(instance, limit: session.options.healthLimit)
                statuses.append(0)
            } catch {
                let failure = session.failure(error)
                // The list reports a missing instance.
                if failure.kind != .notFound { session.console.fail(failure, instance: text) }
                statuses.append(failure.status)
            }
        }
        return statuses
    }

    private static func velero(
        _ found: InstanceSummary.ClusterBackups?, _ now: Moment
    ) -> [(String, String)] {
        guard let found else { return [] }
        let counts = found.stored.verdicts.filter { $0.value > 0 }.sorted { $0.key < $1.key }
            .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let newest = found.stored.newest.map { newest in
            newest.name + (newest.startedAt.map { ", \(DurationText.age(of: $0, at: now))" } ?? "")
        }
        return [
            (
                "velero has",
                (newest ?? "no backup that can be restored")
                    + (counts.isEmpty ? "" : " (\(counts), \(ByteCount(found.stored.bytes)))")
            )
        ] + found.resources.map { ($0.name, $0.sentence) }
    }

    private static func text(_ item: InstanceSummary, _ now: Moment) -> String {
        var lines = [("instance", item.name), ("state", item.state), ("runtime", item.runtime ?? "-")]
        if let moved = item.movedTo { lines.append(("moved to", moved)) }
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
        lines += (item.copies ?? [:]).sorted { $0.key < $1.key }.map { remote, copy in
            (
                "copy",
                "\(copy.id) on \(remote), \(DurationText.age(of: copy.createdAt, at: now)), "
                    + "verified \(DurationText.age(of: copy.verifiedAt, at: now))"
            )
        }
        lines += velero(item.clusterBackups, now)
        if let previous = item.previous {
            lines.append(
                (
                    "undo",
                    "\(previous.id) can be taken back"
                        + (previous.kept.count > 1
                            ? ", and \(previous.kept.count - 1) before it (undo --list)" : "")
                        + "; this keeps \(ByteCount(previous.sizeBytes))"
                ))
        }
        if let server = item.deep?.server {
            lines.append(("server", "sees \(server.path), \(ByteCount(server.size))"))
        }
        lines += (item.deep?.unknown ?? []).map { ("not compared", $0) }
        if let api = item.deep?.api {
            let services = api.services.values.reduce(0) { $0 + $1.count }
            lines.append(("its API", "\(api.clusters.count) clusters, \(services) services"))
        }
        lines += item.problems.map { ("problem", $0) }
        return lines.map { title, text in
            title + ":" + String(repeating: " ", count: 13 - title.count) + text.printable + "\n"
        }.joined()
    }
}
