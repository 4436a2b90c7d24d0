// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsState
import KecsSystem
import SystemPackage
import Testing

@Suite struct KubernetesGoldenTests {
    /// Everything that a recovery from nothing would apply, and everything it would say, in its order.
    private func text(_ plan: RecoveryPlan) -> String {
        var manifests: [JSONValue] = []
        var notes: Set<String> = []
        func add(_ objects: [KubernetesObject], _ own: [TranslationNote]) {
            manifests += objects.map(\.manifest)
            notes.formUnion(own.map { "\($0.subject): \($0.field): \($0.why)" })
        }
        for cluster in plan.clusters where cluster.decision == .recover {
            add([cluster.namespace], [])
            for service in cluster.services { add(service.objects, service.notes) }
            for task in cluster.tasks { add(task.objects, task.notes) }
        }
        let secrets = plan.secrets.map { "\($0.namespace)/\($0.name): \($0.key)" }
        let value: JSONValue = [
            "apiVersion": "v1", "kind": "List", "items": .array(manifests),
            "notes": .array(notes.sorted().map { .string($0) }),
            "secrets": .array(secrets.map { .string($0) }),
        ]
        return value.text(pretty: true)
    }

    @Test(arguments: SampleState.allCases)
    func `a sample state becomes these manifests and these notes`(sample: SampleState) throws {
        var policy = RecoveryPolicy()
        policy.includesDraining = true
        let plan = RecoveryPlan(try sample.records(), ExistingObjects(k3dClusters: .known([:])), policy)
        let golden = SampleState.fixtures.appending("golden").appending("\(sample.rawValue).json")
        let mine = text(plan)
        if getenv("KECSCTL_RECORD") != nil { try golden.replaceContents(Array(mine.utf8), mode: 0o644) }
        #expect(try mine == String(decoding: golden.contents(), as: UTF8.self))
    }
}
