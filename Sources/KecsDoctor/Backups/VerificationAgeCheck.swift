// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct VerificationAgeCheck: InstanceCheck {
    let info = CheckInfo(
        "backup.verify-old", .instance, .info, "the newest good backup was read within 35 days")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let newest = facts.newestGood else { return [] }
        let read = max(newest.mark.verification?.at ?? newest.id.createdAt, newest.id.createdAt)
        guard look.now.since(read) > Thresholds.verificationAge.duration else { return [] }
        return [
            Finding(
                .info, "\(newest.id) was last read on \(read)", ["verifiedAt": .string("\(read)")],
                remedy: "kecsctl backups verify \(facts.name)/\(newest.id)")
        ]
    }
}
