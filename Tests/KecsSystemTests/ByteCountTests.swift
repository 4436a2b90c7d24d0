// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct ByteCountTests {
    @Test func `sums and products stay at the limits instead of trapping`() {
        let largest = ByteCount(.max)
        #expect(largest + ByteCount(1) == largest && ByteCount(.min) + ByteCount(-1) == ByteCount(.min))
        #expect(
            ByteCount(2304) * .max == largest && largest * 2 == largest
                && ByteCount(-2) * .max == ByteCount(.min))
        #expect([Int64.max, .max, 1].total { $0 } == .max && [Int64]().total { $0 } == 0)
        #expect(Int64.min.adding(-1) == .min && Int64(1).adding(2) == 3)
    }

    @Test func `a size is read as people write it`() {
        #expect(ByteCount("10GiB") == ByteCount(10 << 30) && ByteCount("1.5G") == ByteCount(1_500_000_000))
        #expect(ByteCount("9223372036854775807") == ByteCount(.max))
        #expect(ByteCount("9223372036854775808") == nil && ByteCount("9223372036854775807k") == nil)
        #expect(ByteCount("") == nil && ByteCount("-1") == nil && ByteCount("1X") == nil)
    }
}
