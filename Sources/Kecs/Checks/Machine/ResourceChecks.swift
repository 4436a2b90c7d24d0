// SPDX-License-Identifier: Apache-2.0
import Glibc
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

enum Resources {
    static func matter(to facts: InstanceFacts) -> Bool { facts.instance.config.runtime == .k3d }

    /// The affinity mask, or less where a control group has a quota (cpu.max: "150000 100000").
    static func processors() -> Double {
        let mask = Double(Threads.processors)
        guard let bytes = try? FilePath("/sys/fs/cgroup/cpu.max").contents(limit: 4096) else { return mask }
        let fields = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard fields.count == 2, let quota = Double(fields[0]), let period = Double(fields[1]) else {
            return mask
        }
        return min(mask, quota / period)
    }

    /// The memory of the machine, or less where a control group has a limit.
    static func memory() -> Known<Int64> {
        guard let bytes = try? FilePath("/proc/meminfo").contents(limit: 64 << 10),
            let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                .first(where: { $0.hasPrefix("MemTotal:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
        else { return .unknown("/proc/meminfo does not say how much memory there is") }
        guard let bytes = try? FilePath("/sys/fs/cgroup/memory.max").contents(limit: 4096),
            let limit = Int64(String(decoding: bytes, as: UTF8.self).trimmed)
        else { return .known(kibibytes * 1024) }
        return .known(min(limit, kibibytes * 1024))
    }
}
