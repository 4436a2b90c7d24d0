// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@testable import kecsctl

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

@Suite struct ValueArgumentTests {
    @Test func `an owner is one number or two`() {
        #expect(OwnerArgument(argument: "1000").map { [$0.user, $0.group] } == [1000, 1000])
        #expect(OwnerArgument(argument: "1000:50").map { [$0.user, $0.group] } == [1000, 50])
    }

    @Test(arguments: ["", ":", "1:", ":1", "root", "1:2:3", "-1", "4294967295"])
    func `anything else is no owner`(text: String) {
        #expect(OwnerArgument(argument: text) == nil)
    }

    @Test func `a label's value may hold anything`() {
        #expect(LabelArgument(argument: "a=b=c").map { [$0.key, $0.value] } == ["a", "b=c"])
        #expect(LabelArgument(argument: "a=")?.value == "")
        #expect(LabelArgument(argument: "=b") == nil)
        #expect(LabelArgument(argument: "ab") == nil)
    }

    @Test func `names may be given with commas`() {
        #expect(NamesArgument(argument: "data,minio")?.names == ["data", "minio"])
        #expect(NamesArgument(argument: "data,") == nil)
        #expect(NamesArgument(argument: "") == nil)
    }
}
