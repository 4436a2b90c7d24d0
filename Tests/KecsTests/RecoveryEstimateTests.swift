// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Kecs

@Suite struct RecoveryEstimateTests {
    @Test func `it begins with the guide's figures, shared among the clusters that go at once`() {
        // 45 s a cluster, 7.5 s a service: the middle of what the State Recovery Guide says.
        #expect(RecoveryEstimate(clusters: 2, services: 4, parallel: 1).left == .seconds(120))
        let estimate = RecoveryEstimate(clusters: 2, services: 4, parallel: 2)
        #expect(estimate.left == .seconds(60))
        #expect(estimate.text == "about 60 s left")
        #expect(RecoveryEstimate(clusters: 0, services: 0, parallel: 0).left == .zero)
    }

    @Test func `what was measured corrects it, each time more`() {
        var estimate = RecoveryEstimate(clusters: 3, services: 0, parallel: 1)
        #expect(estimate.left == .seconds(135))
        estimate.clusterIsUp(after: .seconds(15))
        // (45 + 15) / 2 = 30 s each for the two that are left.
        #expect(estimate.left == .seconds(60))
        estimate.clusterIsUp(after: .seconds(15))
        #expect(estimate.left == .seconds(25))
        estimate.clusterIsUp(after: .seconds(15))
        #expect(estimate.left == .zero)
        #expect(estimate.text == "a few seconds left")
    }

    @Test func `a batch counts as its services`() {
        var estimate = RecoveryEstimate(clusters: 0, services: 1000, parallel: 1)
        #expect(estimate.text == "about 125 min left")
        estimate.servicesAreUp(400, after: .seconds(40))
        // (7.5 + 40) / 401 s each.
        #expect(estimate.left > .seconds(70) && estimate.left < .seconds(72))
        #expect(estimate.text == "about 80 s left")
    }

    @Test func `what is found later is added, and what is given up is taken off`() {
        var estimate = RecoveryEstimate(clusters: 1, services: 2, parallel: 1)
        estimate.found(services: 2)
        #expect(estimate.left == .seconds(75))
        estimate.giveUp(clusters: 1, services: 2)
        #expect(estimate.left == .seconds(15))
        estimate.giveUp(clusters: 5, services: 5)
        #expect(estimate.left == .zero)
    }
}
