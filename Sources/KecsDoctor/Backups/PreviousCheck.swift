// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct PreviousCheck: InstanceCheck {
    let info = CheckInfo(
        "restore.previous", .instance, .info, "no tree that a restore replaced takes up room for long")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = facts.instance.folder.previous
        guard try folder.isFolder, let status = try FileStatus.of(folder), try !folder.entries().isEmpty,
            look.now.since(status.modified) > .seconds(7 * 86_400)
        else { return [] }
        let bytes = try PreviousStack(folder: facts.instance.folder).bytes(look.cancellation)
        return [
            Finding(
                .info, "what the last restore of “\(facts.name)” replaced is still kept: \(ByteCount(bytes))",
                ["bytes": .integer(bytes), "since": .string("\(status.modified)")],
                remedy: "kecsctl backups prune \(facts.name)")
        ]
    }
}
