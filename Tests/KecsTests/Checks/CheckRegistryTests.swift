// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsRuntimes
import KecsSystem
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import kecsctl

/// Every check of the registry, in a scene in which it passes and in one in which it fails for the reason that it states.
///
/// One after the other: checks block, and a hundred of them at once would leave other tests' children without threads.
@Suite(.serialized) struct CheckRegistryTests {
    private static let registry = (HostChecks.all + RuntimeChecks.all()).map { $0.info }

    @Test func `every check has a case, and every case is of a check`() {
        let ids = Self.registry.map(\.id)
        let cases = CheckCase.all.map(\.id)
        #expect(Set(ids).subtracting(cases) == [], "without a case")
        #expect(Set(cases).subtracting(ids) == [], "of no check")
        #expect(Set(cases).count == cases.count, "two cases of one check")
    }

    @Test(arguments: CheckCase.all)
    func `it passes, and fails for the stated reason`(case check: CheckCase) async throws {
        let info = try #require(Self.registry.first { $0.id == check.id })
        try await check.play { scene in
            try await check.good(&scene)
            let before = try await scene.findings(ofCheck: check.id)
            #expect(before == [], "it does not pass")

            try await check.bad(&scene)
            let found = try await scene.findings(ofCheck: check.id)
            let finding = try #require(found.first, "it does not fail")
            #expect(finding.severity == check.severity)
            #expect(finding.severity <= info.severity, "worse than --list-checks says")
            #expect(finding.severity > .ok)
            #expect(finding.message.contains(check.words), "\(finding.message)")

            for remedy in found.compactMap(\.remedy) where remedy.hasPrefix("kecsctl ") {
                let words = try ShellWords(remedy).words.dropFirst()
                #expect(throws: Never.self, "no command of ours: \(remedy)") {
                    try Kecsctl.parseAsRoot(Array(words))
                }
            }

            let repairs = found.flatMap(\.repairs)
            let isRepaired = info.fixable && !(check.isRepairedByRootOnly && Machine.userID != 0)
            #expect(repairs.isEmpty != isRepaired, "--list-checks says otherwise")
            guard isRepaired else { return }
            for repair in repairs { try repair.apply() }
            let after = try await scene.findings(ofCheck: check.id)
            #expect(after == [], "the repair does not help")
            for repair in repairs.reversed() { #expect(try repair.takeBack()) }
            let again = try await scene.findings(ofCheck: check.id).map(\.message)
            #expect(again == found.map(\.message), "what was rolled back is not as it was")
        }
    }
}
