// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct DataSizeCheck: InstanceCheck {
    let info = CheckInfo(
        "data.size", .instance, .warning, "the data is not larger than the setting dataLimit, 10 GiB")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let bytes = try facts.tree.get().bytes
        let limit = try facts.instance.settings.size(.dataLimit)?.bytes ?? Thresholds.data
        guard Self.isTooLarge(bytes, limit) else { return [] }
        return [
            Finding(
                .warning,
                "the data of “\(facts.name)” has \(ByteCount(bytes)), more than \(ByteCount(limit).asLimit)",
                ["bytes": .integer(bytes), "limit": .integer(limit)],
                remedy: "kecsctl db maintain \(facts.name)")
        ]
    }

    static func isTooLarge(_ bytes: Int64, _ limit: Int64 = Thresholds.data) -> Bool { bytes > limit }
}
