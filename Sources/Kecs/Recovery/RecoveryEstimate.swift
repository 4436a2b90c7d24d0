// SPDX-License-Identifier: Apache-2.0

/// The remaining time of a recovery. It starts with the numbers of the State Recovery Guide (30 to 60 seconds a
/// cluster, 5 to 10 a service) and relies more on its own measurements with each one.
struct RecoveryEstimate: Sendable {
    private var clusters = Average(prior: .seconds(45))
    private var services = Average(prior: .milliseconds(7500))
    var clustersLeft: Int
    var servicesLeft: Int
    let parallel: Int

    init(clusters: Int, services: Int, parallel: Int) {
        clustersLeft = clusters
        servicesLeft = services
        self.parallel = max(1, parallel)
    }

    mutating func clusterIsUp(after time: Duration) {
        clusters.add(time, count: 1)
        clustersLeft = max(0, clustersLeft - 1)
    }

    /// - Parameter time: The time for the whole batch.
    mutating func servicesAreUp(_ count: Int, after time: Duration) {
        services.add(time, count: count)
        servicesLeft = max(0, servicesLeft - count)
    }

    /// Adds services that were unknown before their cluster could be examined.
    mutating func found(services: Int) { servicesLeft += services }

    /// Removes clusters and services that will not be recovered: they take no time.
    mutating func giveUp(clusters: Int, services: Int) {
        clustersLeft = max(0, clustersLeft - clusters)
        servicesLeft = max(0, servicesLeft - services)
    }

    var left: Duration {
        (clusters.value * clustersLeft + services.value * servicesLeft) / parallel
    }

    /// The text "about 3 min left", in steps that do not claim more than is known.
    var text: String {
        let seconds = left.components.seconds
        if seconds < 10 { return "a few seconds left" }
        if seconds < 90 { return "about \((seconds + 9) / 10 * 10) s left" }
        return "about \((seconds + 59) / 60) min left"
    }

    /// The guide's figure counts as one measurement.
    private struct Average: Sendable {
        private var sum: Duration
        private var count = 1

        init(prior: Duration) { sum = prior }
        var value: Duration { sum / count }
        mutating func add(_ time: Duration, count: Int) {
            sum += time
            self.count += count
        }
    }
}
