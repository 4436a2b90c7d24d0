// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite(.serialized) struct LiveBackupTests {
    @Test(arguments: ["WAL", "DELETE"])
    func `backups beside a writer restore to a sound database with its sum`(journalMode: String) async throws
    {
        let rounds = Rounds.count(ci: 3, full: 20)
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let data = root.appending("home/instances/dev/data")
            let odd = data.appending("bank of\nrounding errors.db")
            try LiveWriter.prepare(odd, journalMode: journalMode, padding: 20_000_000)
            let writer = try LiveWriter(odd, perSecond: 200)
            var ids: [String] = []
            for _ in 0..<rounds {
                let answer = try await kecsctl("backup", "dev", "-o", "json", "--no-prune")
                #expect(answer.status == 0, "\(answer.errors)")
                ids.append(try #require(try answer.first()["backup"]?["id"]?.string))
            }
            let result = writer.stop()
            #expect(result.failures == [])
            #expect(result.transactions > 0)
            print(
                "\(journalMode): \(rounds) backups beside \(result.transactions) transactions, longest stall \(result.longestStall)"
            )
            for id in ids {
                let target = root.appending("out-\(id)")
                let answer = try await kecsctl("restore", "dev", "--from", id, "--into", target.string)
                #expect(answer.status == 0, "\(answer.errors)")
                let copy = target.appending("data").appending("bank of\nrounding errors.db")
                #expect(try SQLiteDatabase(copy, .readOnly).integrityProblems() == [])
                #expect(try LiveWriter.sum(of: copy) == LiveWriter.sum)
            }
        }
    }
}
