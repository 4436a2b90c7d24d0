// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// What this process may use of the machine.
enum Resources {
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
