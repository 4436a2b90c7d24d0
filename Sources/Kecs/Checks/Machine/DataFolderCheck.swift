// SPDX-License-Identifier: Apache-2.0
import SystemPackage
import KecsStorage
import KecsSystem

struct DataFolderCheck: InstanceCheck {
    let info = CheckInfo("data.missing", .instance, .error, "the data folder is there")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = try facts.data.get()
        let status = try FileStatus.of(folder.resolved())
        guard status?.kind != .folder else { return [] }
        return [
            Finding(
                .error,
                status == nil
                    ? "the data folder \(folder) of “\(facts.name)” is missing" : "\(folder) is no folder",
                ["path": .string(folder.string)], remedy: "kecsctl start \(facts.name)")
        ]
    }
}
