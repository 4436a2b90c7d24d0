// SPDX-License-Identifier: Apache-2.0

/// The layout of a ustar header (POSIX.1-2017, pax, "ustar Interchange Format").
enum Tar {
    static let block = 512
    /// The unit in which `tar` writes. Archives end at a multiple of it.
    static let record = 10_240

    struct Field {
        let offset: Int
        let count: Int
        var range: Range<Int> { offset..<(offset + count) }
    }
    static let name = Field(offset: 0, count: 100)
    static let mode = Field(offset: 100, count: 8)
    static let owner = Field(offset: 108, count: 8)
    static let group = Field(offset: 116, count: 8)
    static let size = Field(offset: 124, count: 12)
    static let modified = Field(offset: 136, count: 12)
    static let checksum = Field(offset: 148, count: 8)
    static let type = 156
    static let link = Field(offset: 157, count: 100)
    static let magic = Field(offset: 257, count: 8)
    static let prefix = Field(offset: 345, count: 155)

    enum Kind {
        static let file = UInt8(ascii: "0")
        static let hardLink = UInt8(ascii: "1")
        static let symlink = UInt8(ascii: "2")
        static let characterDevice = UInt8(ascii: "3")
        static let blockDevice = UInt8(ascii: "4")
        static let folder = UInt8(ascii: "5")
        static let fifo = UInt8(ascii: "6")
        static let contiguous = UInt8(ascii: "7")
        static let extended = UInt8(ascii: "x")
        static let global = UInt8(ascii: "g")
        static let longName = UInt8(ascii: "L")
        static let longLink = UInt8(ascii: "K")
        static let gnuSparse = UInt8(ascii: "S")
    }

    /// Returns the number of bytes up to the next multiple of `unit`.
    static func padding(_ count: Int64, to unit: Int = block) -> Int {
        let over = Int(count % Int64(unit))
        return over == 0 ? 0 : unit - over
    }

    /// The sum that a header's checksum field must show: of all bytes, its own field taken as spaces.
    static func sum(_ header: UnsafeRawBufferPointer) -> Int {
        var sum = 0
        for byte in header { sum &+= Int(byte) }
        for index in checksum.range { sum = sum &- Int(header[index]) &+ 32 }
        return sum
    }
}

/// A part of a sparse file that holds data.
struct Extent: Hashable, Sendable {
    var offset: Int64
    var count: Int64
}

/// An entry as it goes into an archive. Paths are raw bytes.
struct TarEntry {
    var path: [UInt8]
    var type: UInt8
    var mode: UInt32
    var owner: UInt32
    var group: UInt32
    var modifiedSeconds: Int64
    var modifiedNanoseconds: Int32
    /// The size of the content as a reader of the file sees it.
    var size: Int64 = 0
    var link: [UInt8] = []
    /// pax records without those that `TarEncoder` makes itself: `SCHILY.xattr.…`, `SCHILY.acl.…`.
    var records: [(key: [UInt8], value: [UInt8])] = []
    /// Nil for a file without holes.
    var extents: [Extent]?
}
