// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs

@Suite struct GainRoomTests {
    private func failure(_ scene: CheckScene, needed: Int64) throws -> Failure {
        try GainRoom(site: scene.site, instance: scene.site.instance(scene.name)).failure(
            "no room", needed: ByteCount(needed), free: ByteCount(0), in: scene.folder.data)
    }

    @Test func `with nothing to give up there is only a larger disk`() async throws {
        try await CheckScene.with { scene in
            let failure = try failure(scene, needed: 1_000_000)
            #expect(failure.kind == .noRoom)
            #expect(failure.cause?.hasSuffix("; a larger disk needs 1.0 MB more") == true, "\(failure)")
            #expect(failure.remedy == "df -h \(scene.folder.data)")
        }
    }

    @Test func `what there is to gain is told with its size, and the remedy is one that is enough`()
        async throws
    {
        try await CheckScene.with { scene in
            for day in 1...3 { try scene.addBackup(.seconds(day * 86_400)) }
            do {
                let database = try SQLiteDatabase(scene.database, .readWrite)
                try database.executeScript(
                    "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(2000000)); DROP TABLE big;")
            }
            let instance = try scene.site.instance(scene.name)
            let steps = GainRoom(site: scene.site, instance: instance).steps(on: scene.folder.data)
            #expect(
                steps.map(\.remedy) == ["kecsctl backups prune dev --keep 1", "kecsctl db maintain dev"])
            // Two archives of seven bytes.
            #expect(steps.first?.bytes == 14)
            #expect(steps.first?.sentence.hasPrefix("pruning the 2 older backups") == true)
            #expect((steps.last?.bytes ?? 0) >= 2_000_000)
            #expect(try failure(scene, needed: 10).remedy == "kecsctl backups prune dev --keep 1")
            let large = try failure(scene, needed: 1_500_000)
            #expect(large.remedy == "kecsctl db maintain dev")
            #expect(large.cause?.contains("in this order: pruning") == true, "\(large)")
        }
    }
}
