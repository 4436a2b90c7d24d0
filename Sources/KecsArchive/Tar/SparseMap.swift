// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The ways in which archives record the places of a sparse file's data. All give offsets and counts in turn, and -1
/// alone where they make no sense.
enum SparseMap {
    /// GNU's own format: four pairs in the header, 21 in each block that follows.
    static func old(
        _ header: TarHeader, next: () throws -> UnsafeRawBufferPointer?
    ) throws -> (numbers: [Int64], size: Int64) {
        var numbers: [Int64] = []
        func add(_ block: TarHeader, _ start: Int, _ pairs: Int) -> Bool {
            for index in 0..<(pairs * 2) {
                let field = Tar.Field(offset: start + index * 12, count: 12)
                if block.text(field).isEmpty, index % 2 == 0 { return true }
                guard let number = block.number(field) else { return false }
                numbers.append(number)
            }
            return true
        }
        guard let size = header.number(Tar.Field(offset: 483, count: 12)), add(header, 386, 4) else {
            return ([-1], 0)
        }
        var hasMore = header.byte(482) != 0
        while hasMore {
            guard let block = try next(), numbers.count < TarReader.extentLimit * 2 else { return ([-1], 0) }
            guard add(TarHeader(block), 0, 21) else { return ([-1], 0) }
            hasMore = TarHeader(block).byte(504) != 0
        }
        return (numbers, size)
    }

    /// pax format 1.0: decimal lines, padded to a block, counted as content.
    static func lines(
        limit: Int, content: Int64, next: () throws -> UnsafeRawBufferPointer?
    ) throws -> (numbers: [Int64], content: Int64) {
        var numbers: [Int64] = []
        var wanted: Int?
        var rest = content
        var digits: [UInt8] = []
        while wanted.map({ numbers.count < $0 }) ?? true {
            guard rest >= Int64(Tar.block), let block = try next() else { return ([-1], rest) }
            rest -= Int64(Tar.block)
            for byte in block where wanted.map({ numbers.count < $0 }) ?? true {
                guard byte == UInt8(ascii: "\n") else {
                    digits.append(byte)
                    if digits.count > 20 { return ([-1], rest) }
                    continue
                }
                guard let number = PaxRecords.decimal(digits[...]) else { return ([-1], rest) }
                digits = []
                if wanted == nil {
                    guard number <= Int64(limit) else { return ([-1], rest) }
                    wanted = Int(number) * 2
                } else {
                    numbers.append(number)
                }
            }
        }
        return (numbers, rest)
    }

    /// Returns the extents; nil unless they ascend, do not overlap, end within the file and hold exactly the archive's
    /// content.
    static func extents(_ numbers: [Int64], size: Int64, content: Int64) -> [Extent]? {
        guard numbers.count % 2 == 0, (0...Int64.largestCount).contains(size) else { return nil }
        var extents: [Extent] = []
        var end: Int64 = 0
        var sum: Int64 = 0
        for index in stride(from: 0, to: numbers.count, by: 2) {
            let extent = Extent(offset: numbers[index], count: numbers[index + 1])
            guard extent.offset >= end, extent.count >= 0, extent.offset <= size,
                extent.count <= size - extent.offset
            else { return nil }
            end = extent.offset + extent.count
            sum = sum.adding(extent.count)
            if extent.count > 0 { extents.append(extent) }
        }
        return sum == content ? extents : nil
    }
}
