// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Writes the headers of entries to an archive, with their records in its index, and counts them.
struct HeaderWriter {
    private var encoder = TarEncoder()
    private var headers: [UInt8] = []

    /// - Returns: The number of bytes of content that must follow.
    mutating func write(
        _ entry: TarEntry, to stream: TarStream, _ summary: inout ArchiveSummary
    ) throws -> Int64 {
        stream.begin(IndexedFacts(entry))
        headers.removeAll(keepingCapacity: true)
        let content = encoder.encode(entry, into: &headers).content
        try headers.withUnsafeBytes { try stream.append($0) }
        summary.entries += 1
        if entry.type == Tar.Kind.file {
            summary.sourceBytes = summary.sourceBytes.adding(entry.size)
            summary.dataBytes = summary.dataBytes.adding(entry.extents?.total(\.count) ?? entry.size)
        }
        return content
    }
}
