// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// Cuts the bytes of a file into the blocks of a line.
protocol ByteSplitter {
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws
    mutating func end() throws
}

/// Our members, whole, for the threads that inflate them.
struct MemberSplitter: ByteSplitter {
    private let line: BlockLine
    private let file: FilePath
    private var block: Block?
    private var wanted = GzipMember.headerSize
    private var hasHeader = false
    /// Whether the member in `block` is a frame of the index.
    private var isFrame = false
    private(set) var members = MemberTally()
    /// As in an index: the sizes of the members that were read.
    private(set) var table: [UInt8] = []
    private(set) var frames = IndexFrames()

    init(_ line: BlockLine, _ file: FilePath) {
        self.line = line
        self.file = file
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let block = try block ?? line.empty()
            self.block = block
            let part = min(rest.count, wanted - block.inputCount)
            UnsafeMutableRawBufferPointer(rebasing: block.input[block.inputCount...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<part]))
            block.inputCount += part
            rest = UnsafeRawBufferPointer(rebasing: rest[part...])
            guard block.inputCount == wanted else { continue }
            if hasHeader {
                members.add(block.filledInput)
                if isFrame {
                    guard frames.add(block.filledInput) else {
                        throw ArchiveError(.damaged, file, "its index is damaged")
                    }
                    block.inputCount = 0
                } else {
                    try line.submit()
                    self.block = nil
                }
                hasHeader = false
                wanted = GzipMember.headerSize
            } else if let size = IndexFrame.size(block.filledInput) {
                isFrame = true
                hasHeader = true
                wanted = size
            } else {
                // Behind the index there is nothing.
                guard frames.isEmpty, GzipMember.start(of: block.filledInput) == .ours,
                    let sizes = GzipMember.sizes(block.filledInput)
                else { throw ArchiveError(.damaged, file, "something else follows a compressed block") }
                isFrame = false
                Varint.put(UInt64(sizes.member), into: &table)
                Varint.put(UInt64(sizes.content / GzipMember.contentUnit), into: &table)
                hasHeader = true
                wanted = sizes.member
            }
        }
    }

    mutating func end() throws {
        if let block, block.inputCount > 0 {
            throw ArchiveError(.damaged, file, "it ends inside a compressed block")
        }
        guard frames.isEmpty || frames.whole != nil else {
            throw ArchiveError(.damaged, file, "its index is damaged")
        }
    }
}

/// Any other gzip file.
struct GzipSplitter: ByteSplitter {
    private let line: BlockLine
    private let file: FilePath
    private let inflater = StreamInflater()
    private var block: Block?

    init(_ line: BlockLine, _ file: FilePath) {
        self.line = line
        self.file = file
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        var isRoomFilled = false
        while !rest.isEmpty || isRoomFilled {
            if inflater.isBetweenMembers {
                if rest.isEmpty { break }
                // Ours never follow one of another program.
                if GzipMember.start(of: rest) != .foreign {
                    throw ArchiveError(.damaged, file, "its first bytes are damaged")
                }
            }
            let block = try block ?? line.empty()
            self.block = block
            let room = UnsafeMutableRawBufferPointer(rebasing: block.input[block.inputCount...])
            guard case .progress(let consumed, let produced) = inflater.inflate(rest, into: room),
                consumed > 0 || produced > 0 || rest.isEmpty
            else { throw ArchiveError(.damaged, file, "its compressed data are damaged") }
            rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
            block.inputCount += produced
            isRoomFilled = block.inputCount == block.input.count
            if isRoomFilled {
                try line.submit()
                self.block = nil
            }
        }
    }

    mutating func end() throws {
        guard inflater.isBetweenMembers else {
            throw ArchiveError(.damaged, file, "its compressed data end too early")
        }
        if let block, block.inputCount > 0 { try line.submit() }
    }
}

/// A tar as it is.
struct PlainSplitter: ByteSplitter {
    private let line: BlockLine
    private var block: Block?

    init(_ line: BlockLine) { self.line = line }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let block = try block ?? line.empty()
            self.block = block
            let part = min(rest.count, block.input.count - block.inputCount)
            UnsafeMutableRawBufferPointer(rebasing: block.input[block.inputCount...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<part]))
            block.inputCount += part
            rest = UnsafeRawBufferPointer(rebasing: rest[part...])
            if block.inputCount == block.input.count {
                try line.submit()
                self.block = nil
            }
        }
    }

    mutating func end() throws {
        if block != nil { try line.submit() }
    }
}
