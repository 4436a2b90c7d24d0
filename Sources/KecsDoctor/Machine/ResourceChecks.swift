// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// Compares with the least that clusters need (State Recovery Guide). An instance without one needs next to nothing.
struct ProcessorsCheck: InstanceCheck {
    let info = CheckInfo("resources.cpu", .instance, .warning, "clusters have two processors")

    func run(_ facts: InstanceFacts, _ look: Look) -> [Finding] {
        let there = look.surroundings.processors
        guard Resources.matter(to: facts), there < Double(Thresholds.processors) else { return [] }
        return [
            Finding(
                .warning, "“\(facts.name)” runs a cluster, which needs 2 processors; \(there) may be used",
                ["processors": .real(there)], remedy: "nproc")
        ]
    }
}

struct MemoryCheck: InstanceCheck {
    let info = CheckInfo("resources.mem", .instance, .warning, "clusters have 4 GB of memory")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard Resources.matter(to: facts) else { return [] }
        let there = try look.surroundings.memory.get()
        guard there < Thresholds.memory else { return [] }
        return [
            Finding(
                .warning,
                "“\(facts.name)” runs a cluster, which needs 4 GB of memory; there are \(ByteCount(there))",
                ["bytes": .integer(there)], remedy: "free -h")
        ]
    }
}

struct RoomCheck: InstanceCheck {
    let info = CheckInfo("resources.disk", .instance, .warning, "clusters have 20 GB of disk")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard Resources.matter(to: facts) else { return [] }
        let free = try look.site.machine.freeSpace(facts.instance.folder.path)
        let mine = facts.tree.value?.bytes ?? 0
        guard free.bytes + mine < Thresholds.room else { return [] }
        return [
            Finding(
                .warning, "“\(facts.name)” runs a cluster, which needs 20 GB of disk; \(free) are free",
                ["freeBytes": .integer(free.bytes)], remedy: "df -h \(look.site.home.path)")
        ]
    }
}

extension Resources {
    static func matter(to facts: InstanceFacts) -> Bool { facts.instance.config.runtime.hasCluster }
}
