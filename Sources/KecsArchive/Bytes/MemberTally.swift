// SPDX-License-Identifier: Apache-2.0

/// A checksum over the members of an archive in their order: over each one's sizes and its own checksum, which covers all
/// of its bytes.
///
/// Who reads back an archive that was written a moment ago, and finds every member whole and this tally the same, has read
/// the bytes whose SHA-256 was computed as they were written. So the SHA-256, a third of the time that reading takes, is
/// not computed again.
public struct MemberTally: Hashable, Sendable {
    public private(set) var count = 0
    private var crc: UInt32 = 0

    /// - Parameter member: Whole; at least its header.
    mutating func add(_ member: UnsafeRawBufferPointer) {
        count += 1
        crc = GzipMember.crc(UnsafeRawBufferPointer(rebasing: member[16..<GzipMember.headerSize]), seed: crc)
    }
}

/// What is known of an archive's file from the writing of it.
public struct WrittenBytes: Hashable, Sendable {
    var members: MemberTally
    /// Hex, of the file.
    var sha256: String
}
