// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct MomentTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("2026-11-21T01:45:30Z", 1_795_225_530),
        ("2000-02-29T23:59:59Z", 951_868_799), ("1969-12-31T23:59:59Z", -1),
        ("2038-01-19T03:14:08Z", 2_147_483_648),
    ])
    func `a moment and its text are the same`(text: String, seconds: Int64) {
        #expect(Moment(seconds: seconds).description == text)
        #expect(Moment(text) == Moment(seconds: seconds))
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-30", "2026-11-21T25:00", "2026-11-21T01:45:30X",
        "2026-11-21T01:45:30.Z", "yesterday",
    ])
    func `nonsense is no moment`(text: String) {
        #expect(Moment(text) == nil)
    }

    @Test func `offsets, fractions and the compact form are understood`() {
        #expect(Moment("2026-11-21T03:45:30+02:00") == Moment("2026-11-21T01:45:30Z"))
        #expect(Moment("20261121T014530Z") == Moment("2026-11-21 01:45:30"))
        #expect(Moment("2026-11-21")?.compact == "20261121T000000Z")
        #expect(Moment("1970-01-01T00:00:00.25Z")?.nanoseconds == 250_000_000)
    }
}
