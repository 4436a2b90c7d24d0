// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The sizes of a task and its containers as requests and limits of a pod.
///
/// In ECS a container's `cpu` is a share, its `memory` a limit, and its `memoryReservation` the size used for
/// scheduling. The sizes of the task bound all containers together. So a container's request is its own, or its part of
/// the rest of the task's size; its limit is its own, or the task's.
struct TaskSize {
    /// The size in units of 1/1024 vCPU.
    var cpu: Int64?
    /// The size in MiB.
    var memory: Int64?

    /// The part of the task's size that is left for each container that names none.
    private var cpuShare: Int64?
    private var memoryShare: Int64?

    init(cpu: String?, memory: String?, containers: [JSONValue]) throws(TranslationFailure) {
        self.cpu = try Self.units(cpu, "cpu", ["vcpu": 1024])
        self.memory = try Self.units(memory, "memory", ["gb": 1024, "mb": 1])
        cpuShare = Self.share(of: self.cpu, containers.map { Self.positive($0["cpu"]) })
        memoryShare = Self.share(of: self.memory, containers.map(Self.scheduledMemory))
    }

    /// - Throws: For sizes that contradict each other: ECS refuses them, and so does Kubernetes.
    func resources(
        of container: JSONValue, subject: String
    ) throws(TranslationFailure) -> (JSONValue?, unsaid: [String]) {
        var requests: [String: JSONValue] = [:]
        var limits: [String: JSONValue] = [:]
        var unsaid: [String] = []
        if let units = Self.positive(container["cpu"]) ?? cpuShare {
            if let cpu, units > cpu {
                throw TranslationFailure("\(subject): its cpu \(units) is above the task's \(cpu)")
            }
            requests["cpu"] = .string(Self.millicores(units))
        }
        if let cpu { limits["cpu"] = .string(Self.millicores(cpu)) }
        let scheduled = Self.scheduledMemory(container) ?? memoryShare
        let limit = Self.positive(container["memory"]) ?? memory
        if let scheduled, let limit, scheduled > limit {
            let isOwn = Self.positive(container["memory"]) != nil
            throw TranslationFailure(
                "\(subject): its memoryReservation \(scheduled) is above \(isOwn ? "its memory" : "the task's memory") \(limit)"
            )
        }
        if let scheduled { requests["memory"] = .string("\(scheduled)Mi") }
        if let limit { limits["memory"] = .string("\(limit)Mi") }
        for requirement in container["resourceRequirements"]?.array ?? [] where requirement["type"] == "GPU" {
            guard let text = requirement["value"]?.string, let count = Int64(text), count > 0 else {
                unsaid.append("\(requirement) is no number of GPUs")
                continue
            }
            limits["nvidia.com/gpu"] = .string("\(count)")
        }
        var resources: [String: JSONValue] = [:]
        if !requests.isEmpty { resources["requests"] = .object(requests) }
        if !limits.isEmpty { resources["limits"] = .object(limits) }
        return (resources.isEmpty ? nil : .object(resources), unsaid)
    }

    /// Rounded down as upstream does, but never to nothing.
    private static func millicores(_ units: Int64) -> String {
        units == 0 ? "0" : "\(max(1, units * 1000 / 1024))m"
    }

    private static func scheduledMemory(_ container: JSONValue) -> Int64? {
        positive(container["memoryReservation"]) ?? positive(container["memory"])
    }

    /// 0 means "not set" in container definitions.
    private static func positive(_ value: JSONValue?) -> Int64? {
        guard let number = value?.integer, number > 0, number < 1 << 40 else { return nil }
        return number
    }

    private static func share(of total: Int64?, _ own: [Int64?]) -> Int64? {
        guard let total else { return nil }
        let others = Int64(own.count { $0 == nil })
        // Zero must be explicit: without a request Kubernetes takes the limit for it.
        let taken = own.reduce(0) { $0 + ($1 ?? 0) }
        return others == 0 ? nil : max(0, total - taken) / others
    }

    /// "256", "0.25 vCPU", "1 GB", "1GB"
    private static func units(
        _ text: String?, _ field: String, _ names: [String: Double]
    ) throws(TranslationFailure) -> Int64? {
        guard let text, !text.isEmpty else { return nil }
        let compact = text.lowercased().filter { $0 != " " }
        let name = names.keys.first { compact.hasSuffix($0) }
        let number = Double(name.map { String(compact.dropLast($0.count)) } ?? compact)
        guard let number, number > 0, number < 1e9 else {
            throw TranslationFailure("the task's \(field) “\(text)” is no size")
        }
        return Int64(number * (name.flatMap { names[$0] } ?? 1))
    }
}
