// SPDX-License-Identifier: Apache-2.0

extension SegmentList {
    /// The segments that may hold this path, and what lies below it, by their numbers from 0.
    public func holding(_ path: [UInt8]) -> Range<Int> {
        if path.isEmpty { return segments.indices }
        // The last one that begins at or before it, and all that begin below it.
        let start = segments.partitionPoint { WalkOrder.isBefore(path, $0.first) }
        let end = segments.partitionPoint { segment in
            WalkOrder.isBefore(path, segment.first) && !segment.first.starts(with: path + [UInt8(ascii: "/")])
        }
        return max(0, start - 1)..<max(end, max(0, start - 1))
    }
}

extension Array {
    /// The first index whose element is `after`, where all those before it are not.
    func partitionPoint(_ after: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if after(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// The order in which `TreeWalk` comes to paths: a folder, what is in it, then the next name. In it a slash is the lowest
/// of all bytes.
enum WalkOrder {
    static func isBefore(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let count = min(left.count, right.count)
        for index in 0..<count where left[index] != right[index] {
            return rank(left[index]) < rank(right[index])
        }
        return left.count < right.count
    }

    private static func rank(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "/") ? 0 : byte }
}
