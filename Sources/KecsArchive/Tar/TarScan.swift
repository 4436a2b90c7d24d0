// SPDX-License-Identifier: Apache-2.0

/// Scans a tar that comes in pieces, for its files' names and contents. Accepts the tar of any program.
///
/// `TarReader` is the strict one, for archives that are unpacked. Here nothing is written, and an unreadable part only
/// ends the scan.
final class TarScan {
    /// The consumer of a file's content, piece by piece.
    typealias Content = (ArraySlice<UInt8>) throws -> Void

    /// The limit of an extended header: more than any name needs.
    private static let extendedLimit = 1 << 20

    private enum Use {
        case skip
        case file(Content)
        case pax
        case longName
    }

    private let open: (_ path: [UInt8], _ size: Int64) -> Content?
    private var header: [UInt8] = []
    private var use = Use.skip
    private var content: Int64 = 0
    private var padding = 0
    private var extended: [UInt8] = []
    private var records = PaxRecords()
    private var longName: [UInt8]?
    private(set) var hasEnded = false
    /// True when something other than a header stood in a header's place.
    private(set) var isDamaged = false

    /// - Parameter open: Called for each regular file; nil to pass over its content.
    init(open: @escaping (_ path: [UInt8], _ size: Int64) -> Content?) { self.open = open }

    func take(_ bytes: ArraySlice<UInt8>) throws {
        var rest = bytes
        while !rest.isEmpty, !hasEnded, !isDamaged {
            if content > 0 {
                let part = rest.prefix(Int(min(content, Int64(rest.count))))
                rest = rest.dropFirst(part.count)
                content -= Int64(part.count)
                switch use {
                case .skip: break
                case .file(let take): try take(part)
                case .pax, .longName: if extended.count < Self.extendedLimit { extended += part }
                }
                if content == 0 { endContent() }
            } else if padding > 0 {
                let count = min(padding, rest.count)
                rest = rest.dropFirst(count)
                padding -= count
            } else {
                let part = rest.prefix(Tar.block - header.count)
                rest = rest.dropFirst(part.count)
                header += part
                if header.count == Tar.block {
                    header.withUnsafeBytes { beginEntry(TarHeader($0)) }
                    header.removeAll(keepingCapacity: true)
                }
            }
        }
    }

    private func beginEntry(_ header: TarHeader) {
        if header.isZero {
            hasEnded = true
            return
        }
        guard header.isSound, let recorded = header.number(Tar.size), recorded >= 0 else {
            isDamaged = true
            return
        }
        var size = recorded
        switch header.type {
        case Tar.Kind.extended: use = .pax
        case Tar.Kind.longName: use = .longName
        case Tar.Kind.global, Tar.Kind.longLink: use = .skip
        case Tar.Kind.file, 0, Tar.Kind.contiguous:
            size = records.size ?? recorded
            use = open(records.path ?? longName ?? header.name, size).map { .file($0) } ?? .skip
            forget()
        default:
            // Links and folders have no content, regardless of their size field (POSIX, ustar).
            if [Tar.Kind.hardLink, Tar.Kind.symlink, Tar.Kind.folder].contains(header.type) { size = 0 }
            use = .skip
            forget()
        }
        content = size
        padding = Tar.padding(size)
        if content == 0 { endContent() }
    }

    private func endContent() {
        switch use {
        case .pax: _ = records.read(extended, isGlobal: false)
        case .longName: longName = Array(extended.prefix { $0 != 0 })
        case .skip, .file: break
        }
        extended = []
        use = .skip
    }

    /// Forgets the records of the entry that has just begun: they do not apply to the next one.
    private func forget() {
        records = PaxRecords()
        longName = nil
    }
}
