// SPDX-License-Identifier: Apache-2.0
import CIgzip
import Glibc

/// Inflates whole members of ours. One thread uses it.
final class MemberInflater {
    private let state: UnsafeMutablePointer<inflate_state>

    init() {
        // About 90 KiB of tables: too much for a stack. isa-l sets the fields that it needs.
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<inflate_state>.stride, alignment: MemoryLayout<inflate_state>.alignment)
        memset(memory, 0, MemoryLayout<inflate_state>.stride)
        state = memory.assumingMemoryBound(to: inflate_state.self)
    }

    deinit { UnsafeMutableRawPointer(state).deallocate() }

    /// - Returns: The content's size, or nil when any bit of the member differs from the one that was written.
    func inflate(_ member: UnsafeRawBufferPointer, into content: UnsafeMutableRawBufferPointer) -> Int? {
        guard GzipMember.isWhole(member), let sizes = GzipMember.sizes(member), sizes.content <= content.count
        else { return nil }
        let data = member[GzipMember.headerSize..<(member.count - GzipMember.trailerSize)]
        isal_inflate_init(state)
        state.pointee.next_in = UnsafeMutableRawPointer(
            mutating: UnsafeRawBufferPointer(rebasing: data).baseAddress)?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_in = UInt32(data.count)
        state.pointee.next_out = content.baseAddress?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_out = UInt32(sizes.content)
        guard isal_inflate_stateless(state) == 0, state.pointee.avail_in == 0,
            Int(state.pointee.total_out) == sizes.content
        else { return nil }
        let inflated = UnsafeRawBufferPointer(rebasing: content[..<sizes.content])
        guard GzipMember.crc(inflated) == member.get(at: member.count - 8) else { return nil }
        return sizes.content
    }
}

/// Inflates a gzip file that another program made, piece by piece: one member or several, of any size.
final class StreamInflater {
    private let state: UnsafeMutablePointer<inflate_state>
    private(set) var isBetweenMembers = true
    private var hasStarted = false

    init() {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<inflate_state>.stride, alignment: MemoryLayout<inflate_state>.alignment)
        memset(memory, 0, MemoryLayout<inflate_state>.stride)
        state = memory.assumingMemoryBound(to: inflate_state.self)
    }

    deinit { UnsafeMutableRawPointer(state).deallocate() }

    enum Outcome {
        /// `consumed` bytes of input are used up and `produced` bytes of the output are filled.
        case progress(consumed: Int, produced: Int)
        case damaged
    }

    func inflate(_ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Outcome {
        if isBetweenMembers {
            guard !input.isEmpty else { return .progress(consumed: 0, produced: 0) }
            if hasStarted { isal_inflate_reset(state) } else { isal_inflate_init(state) }
            // With the header read, and the CRC and the length checked.
            state.pointee.crc_flag = UInt32(ISAL_GZIP)
            hasStarted = true
            isBetweenMembers = false
        }
        state.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_in = UInt32(input.count)
        state.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_out = UInt32(room.count)
        let code = isal_inflate(state)
        guard code >= 0 else { return .damaged }
        if state.pointee.block_state == ISAL_BLOCK_FINISH { isBetweenMembers = true }
        return .progress(
            consumed: input.count - Int(state.pointee.avail_in),
            produced: room.count - Int(state.pointee.avail_out))
    }
}
