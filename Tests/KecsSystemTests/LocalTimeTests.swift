// SPDX-License-Identifier: Apache-2.0
@testable import KecsSystem
import SystemPackage
import Testing

/// Expected values by date(1): `TZ=… date -d @SECONDS +%z`.
@Suite struct LocalTimeTests {
    @Test(
        arguments: [
            ("Europe/Berlin", 1_795_225_530, 3600), ("Europe/Berlin", 1_784_000_000, 7200),
            ("Europe/Berlin", 4_000_000_000, 7200), ("Europe/Berlin", -2_000_000_000, 3600),
            ("America/New_York", 1_795_225_530, -18_000), ("America/New_York", 4_120_000_000, -14_400),
            ("Asia/Kolkata", 1_795_225_530, 19_800), ("Australia/Lord_Howe", 1_795_225_530, 39_600),
            ("UTC", 1_795_225_530, 0),
        ] as [(String, Int64, Int64)])
    func `a zone's data tells the offset at a moment`(name: String, seconds: Int64, offset: Int64) throws {
        guard try name == "UTC" || LocalTime.folder.appending("Europe/Berlin").isPresent else {
            try Test.cancel("tzdata is not installed")
        }
        #expect(try #require(LocalTime(named: name)).offset(at: seconds) == offset)
    }

    @Test func `daylight saving changes at its second`() throws {
        let berlin = LocalTime.machine(["TZ": "CET-1CEST,M3.5.0,M10.5.0/3"])
        // 2026-03-29T01:00:00Z and 2026-10-25T01:00:00Z
        #expect(berlin.offset(at: 1_774_746_000 - 1) == 3600)
        #expect(berlin.offset(at: 1_774_746_000) == 7200)
        #expect(berlin.offset(at: 1_792_890_000 - 1) == 7200)
        #expect(berlin.offset(at: 1_792_890_000) == 3600)
        // South of the equator the year begins in summer.
        let sydney = LocalTime.machine(["TZ": "AEST-10AEDT,M10.1.0,M4.1.0/3"])
        #expect(sydney.offset(at: 1_767_225_600) == 39_600)
        #expect(sydney.offset(at: 1_782_864_000) == 36_000)
    }

    @Test(arguments: ["../../etc/passwd", "", "Europe/Nowhere", "/etc/passwd", "Europe"])
    func `what is no zone is none`(name: String) { #expect(LocalTime(named: name) == nil) }

    @Test func `data that is cut off is none, wherever it is cut`() throws {
        guard let bytes = try? LocalTime.folder.appending("Europe/Berlin").contents() else {
            try Test.cancel("tzdata is not installed")
        }
        for count in stride(from: 0, to: bytes.count - 60, by: 37) {
            #expect(LocalTime(Array(bytes[..<count])) == nil)
        }
    }
}
