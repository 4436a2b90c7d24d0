// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import Testing

@Suite struct BackupIDTests {
    @Test(arguments: [
        "20261121T014530Z-manual", "20261121T014530Z-manual-2", "20261121T014530Z-before-restore",
        "20261121T014530Z-before-destroy-17", "19700101T000000Z-imported",
    ])
    func `an id and its text are the same`(text: String) {
        #expect(BackupID(text)?.description == text)
    }

    @Test(arguments: [
        "", "latest", "20261121T014530Z", "20261121T014530Z-", "20261121T014530Z-whim",
        "20261121T014530Z-manual-1", "20261121T014530Z-manual-0", "20261121T014530Z-manual-02",
        "20261121T014530Z-manual/..", "2026-11-21T01:45:30Z-manual", "../20261121T014530Z-manual",
        "20261121T014530Z-manual2",
    ])
    func `nothing else is one`(text: String) {
        #expect(BackupID(text) == nil)
    }

    @Test func `ids sort by age, then by number`() throws {
        let texts = [
            "20261121T014529Z-stop", "20261121T014530Z-manual", "20261121T014530Z-manual-2",
            "20261121T014530Z-manual-10", "20261121T014531Z-before-restore",
        ]
        let ids = try texts.map { try #require(BackupID($0)) }
        #expect(ids.shuffled().sorted() == ids)
    }
}
