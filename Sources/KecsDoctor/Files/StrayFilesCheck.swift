// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct StrayFilesCheck: InstanceCheck {
    let info = CheckInfo(
        "files.special", .instance, .info, "the data holds only files, folders and links")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let special = try facts.tree.get().entries.filter {
            ![.file, .folder, .symlink].contains($0.status.kind)
        }
        guard let first = special.first else { return [] }
        return [
            Finding(
                .info, "\(first.path) is a \(first.status.kind), which no backup holds",
                ["entries": .integer(Int64(special.count))])
        ]
    }
}
