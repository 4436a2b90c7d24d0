// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

struct DataSizeCheck: InstanceCheck {
    let info = CheckInfo("data.size", .instance, .warning, "the data has at most 10 GiB")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let bytes = try facts.tree.get().bytes
        guard Self.isTooLarge(bytes) else { return [] }
        return [
            Finding(
                .warning, "the data of “\(facts.name)” has \(ByteCount(bytes)), more than 10 GiB",
                ["bytes": .integer(bytes), "limit": .integer(Thresholds.data)],
                remedy: "kecsctl db maintain \(facts.name)")
        ]
    }

    static func isTooLarge(_ bytes: Int64) -> Bool { bytes > Thresholds.data }
}
