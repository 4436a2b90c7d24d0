// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import KecsVelero
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// Velero reads its store when it starts, if its location is available by then, and else once a minute: before that it knows no
/// backup that could be restored.
@Suite(.serialized) struct VeleroSyncTests {
    @Test func `a location that is not available at the first look costs a minute, which is waited for`()
        async throws
    {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            try scene.here.change { world in
                world.velero.dropsSeeds = true
                world.velero.phases = []
                // A tick of a minute is dozens of questions.
                world.velero.step = 2
            }
            let before = try scene.here.world().velero.now
            let answer = try await scene.start()
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try scene.value() == "1")
            let world = try scene.here.world()
            let up = try #require(world.velero.serverSince[VeleroScene.cluster])
            let location = world.objects[VeleroScene.cluster]?["backupstoragelocation/velero/default"]
            let synced = try #require(location?["status"]?["lastSyncedTime"]?.string.flatMap { Moment($0) })
            // The first tick was in vain.
            #expect(synced.seconds >= up + 60, "up \(up - before), synced \(synced.seconds - before)")
        }
    }

    @Test func `with a seeded location the first look reads the store`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            #expect(try await scene.stop().status == 0)
            #expect(try await scene.start().status == 0)
            let world = try scene.here.world()
            let up = try #require(world.velero.serverSince[VeleroScene.cluster])
            let calls = try scene.here.calls()
            #expect(try scene.value() == "1")
            let restore = try #require(
                world.objects[VeleroScene.cluster]?.first { $0.key.hasPrefix("restore/") })
            let made = restore.value["metadata"]?["creationTimestamp"]?.string.flatMap { Moment($0) }
            #expect(try #require(made).seconds - up < 60, "\(calls.count)")
        }
    }

    @Test func `a store that Velero never reads is given up after its time`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await scene.backedUp()
            try scene.here.change { world in
                world.velero.neverSyncs = true
                world.objects[VeleroScene.cluster]?["backup/velero/\(name)"] = nil
                world.edit(
                    VeleroScene.cluster, "backupstoragelocation/velero/default",
                    [".status", ".lastSyncedTime"], .null)
            }
            let runtime = try scene.runtime()
            var changed = RestoreFromVelero(
                machine: runtime.machine, kubectl: try await runtime.reachable(),
                setup: try VeleroSetup(runtime.instance))
            changed.sync = .seconds(10)
            let velero = changed
            let request = ClusterRestoreRequest(isDegraded: true, limit: .zero)
            let candidates = [try velero.store.named(name)]
            let failure = await #expect(throws: Failure.self) {
                _ = try await velero.run(candidates, request)
            }
            #expect(
                failure?.cause?.contains("has not read its store within 10") == true,
                "\(failure?.cause ?? "")")
            #expect(try scene.value() == nil)
        }
    }

    @Test func `that Velero has read its store and has no such backup needs no longer wait`() async throws {
        try await VeleroScene.with { (scene: VeleroScene) async throws in
            let name = try await scene.backedUp()
            try scene.here.change { world in
                // Velero's own sync leaves it out: an unfinished one.
                world.objects[VeleroScene.cluster]?["backup/velero/\(name)"] = nil
                world.velero.hides = [name]
            }
            let failure = await #expect(throws: Failure.self) { _ = try await scene.restore(name) }
            #expect(failure?.cause?.contains("does not see it there") == true, "\(failure?.cause ?? "")")
        }
    }
}
