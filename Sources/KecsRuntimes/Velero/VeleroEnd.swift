// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// How a pod's container ended last, before it was started again.
struct VeleroEnd: Sendable {
    let restarts: Int64
    let isOutOfMemory: Bool
    let exitCode: Int64?
    let limit: String?

    /// - Parameter pod: As the API returns it.
    /// - Returns: Nil when none of its containers ever ended.
    init?(_ pod: JSONValue) {
        let containers = pod["status"]?["containerStatuses"]?.array ?? []
        guard
            let ended = containers.first(where: {
                ($0["restartCount"]?.integer ?? 0) > 0 || $0["lastState"]?["terminated"] != nil
            })
        else { return nil }
        let last = ended["lastState"]?["terminated"] ?? ended["state"]?["terminated"]
        restarts = ended["restartCount"]?.integer ?? 1
        isOutOfMemory = last?["reason"]?.string == "OOMKilled"
        exitCode = last?["exitCode"]?.integer
        limit =
            pod["spec"]?["containers"]?.array?.first { $0["name"]?.string == ended["name"]?.string }?[
                "resources"]?["limits"]?["memory"]?.string
    }

    var sentence: String {
        let times = restarts == 1 ? "once" : "\(restarts) times"
        guard isOutOfMemory else {
            return "it was started again \(times)" + (exitCode.map { ", and had ended with \($0)" } ?? "")
        }
        return "it ran out of memory and was started again \(times)"
            + (limit.map { " (limit \($0); the setting veleroMemory raises it)" }
                ?? " (the setting veleroMemory raises its limit)")
    }
}
