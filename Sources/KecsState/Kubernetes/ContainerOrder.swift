// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// `dependsOn` of a task's containers as the order of init containers.
///
/// A container that must have ended before another starts is an init container. One that must have started or be
/// healthy is an init container that keeps running (`restartPolicy: Always`, a sidecar, Kubernetes 1.29): the next one
/// follows when it has started and its startup probe has succeeded. A container that no other waits for is an ordinary
/// one.
struct ContainerOrder {
    enum Role: Hashable { case ordinary, first, sidecar(gates: Bool) }

    /// The positions in the list of definitions, each with its role; init containers first and in their order.
    private(set) var steps: [(position: Int, role: Role)] = []
    private(set) var notes: [(container: String, why: String)] = []

    init(_ containers: [JSONValue]) {
        let names = containers.map { $0["name"]?.string ?? "" }
        var awaited: [String: Set<String>] = [:]
        var waits: [[Int]] = []
        for (container, name) in zip(containers, names) {
            var dependencies: [Int] = []
            for dependency in container["dependsOn"]?.array ?? [] {
                let other = dependency["containerName"]?.string ?? ""
                guard let position = names.firstIndex(of: other) else {
                    notes.append((name, "it waits for “\(other)”, which the task does not have"))
                    continue
                }
                let condition = dependency["condition"]?.string ?? "START"
                awaited[other, default: []].insert(condition)
                dependencies.append(position)
                if condition == "COMPLETE" {
                    notes.append((name, "it waits until “\(other)” has ended; here it must end with success"))
                }
                if condition == "HEALTHY", HealthCheck(containers[position]["healthCheck"]) == nil {
                    notes.append((name, "it waits until “\(other)” is healthy, which has no health check"))
                }
            }
            waits.append(dependencies)
        }
        guard let order = Self.sorted(waits) else {
            notes.append(
                (
                    names.first ?? "",
                    "the containers depend on each other in a cycle; all start at the same time"
                ))
            steps = containers.indices.map { ($0, .ordinary) }
            return
        }
        let roles = names.map { name -> Role in
            guard let conditions = awaited[name] else { return .ordinary }
            let ends = !conditions.isDisjoint(with: ["COMPLETE", "SUCCESS"])
            return ends ? .first : .sidecar(gates: conditions.contains("HEALTHY"))
        }
        steps = order.filter { roles[$0] != .ordinary }.map { ($0, roles[$0]) }
        steps += containers.indices.filter { roles[$0] == .ordinary }.map { ($0, .ordinary) }
    }

    /// Returns the containers, each after those that it waits for, otherwise in the given order; nil for a circle.
    private static func sorted(_ waits: [[Int]]) -> [Int]? {
        var order: [Int] = []
        var isPlaced = waits.map { _ in false }
        while order.count < waits.count {
            let next = waits.indices.first { position in
                !isPlaced[position] && waits[position].allSatisfy { isPlaced[$0] }
            }
            guard let next else { return nil }
            isPlaced[next] = true
            order.append(next)
        }
        return order
    }
}
