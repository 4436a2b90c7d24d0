// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@testable import kecsctl

@Suite struct DurationArgumentTests {
    @Test(arguments: [
        ("0", Duration.zero), ("500ms", .milliseconds(500)), ("90s", .seconds(90)), ("5m", .seconds(300)),
        ("1h", .seconds(3600)), ("2d", .seconds(172_800)), ("1w", .seconds(604_800)),
        ("1h30m", .seconds(5400)), ("0s", .zero),
    ])
    func `a length of time is read`(text: String, duration: Duration) {
        #expect(DurationArgument(text)?.duration == duration)
    }

    @Test(arguments: [
        "", "5", "s", "5 m", "-5m", "5min", "1.5h", "5M", "1h30", "٣s", "99999999999999999999s",
        "9223372036854775807w", "36501d",
    ])
    func `a bare number and nonsense are refused`(text: String) {
        #expect(DurationArgument(text) == nil)
    }
}

@Suite struct SizeArgumentTests {
    @Test(arguments: [
        ("0", Int64(0)), ("1024", 1024), ("512MB", 512_000_000), ("64k", 64_000), ("1GiB", 1 << 30),
        ("1.5G", 1_500_000_000), ("2Ti", 2 << 40), ("10B", 10),
    ])
    func `an amount of bytes is read`(text: String, bytes: Int64) {
        #expect(SizeArgument(text)?.size == ByteCount(bytes))
    }

    @Test(arguments: ["", "k", "-1", "1.5", "1..5k", ".5k", "1.k", "5x", "9223372036854775807k", "1 MB"])
    func `nonsense is no size`(text: String) {
        #expect(SizeArgument(text) == nil)
    }
}

@Suite struct GlobArgumentTests {
    @Test(arguments: ["data/**", "config/*.yaml", "a[]]b", "a[!]]b", "x\\[y", "..data", "a/b..c", "[a-z]?"])
    func `a pattern inside the part is taken`(text: String) {
        #expect(GlobArgument(text)?.pattern == text)
    }

    @Test(arguments: ["", "/etc/*", "../x", "a/../b", "[abc", "abc\\", "[]", "[!]"])
    func `one that climbs, is absolute or never closes is refused`(text: String) {
        #expect(GlobArgument(text) == nil)
    }
}
