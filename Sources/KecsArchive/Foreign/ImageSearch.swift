// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Finds databases in the layers of a container image, as `docker image save` writes them: a tar of tars.
///
/// Goes by content, never by name, and searches every layer: a file that a later layer deletes is still in the image.
public final class ImageSearch {
    public struct Found: Hashable, Sendable {
        /// The path in the image: "app/data/kecs.db".
        public var path: String
        public var engine: DatabaseEngine
        public var bytes: Int64
    }

    public private(set) var found: [Found] = []
    /// The number of layers in an unknown form, zstd for example. Their content is not known.
    public private(set) var unreadLayers = 0
    /// The number that is enough for a message.
    private static let limit = 20

    private var outer: TarScan?

    public init() {
        outer = TarScan { [unowned self] path, _ in
            // `ID/layer.tar` up to docker 24, `blobs/sha256/DIGEST` from 25 on, where JSON lies, too.
            let path = Self.bare(path)
            let isLayer = path.suffix(10).elementsEqual("/layer.tar".utf8) || path.starts(with: "blobs/".utf8)
            return isLayer ? layer() : nil
        }
    }

    /// The next piece of the stream.
    public func take(_ bytes: [UInt8]) throws { try outer?.take(bytes[...]) }

    /// True when the stream was an image, complete up to its end mark.
    public var isComplete: Bool { outer?.hasEnded == true && outer?.isDamaged == false }

    private func layer() -> TarScan.Content {
        let inner = TarScan { [unowned self] path, size in
            let path = Self.bare(path)
            guard size >= 512, found.count < Self.limit, !Self.isOfTheSystem(path) else { return nil }
            return database(path, size)
        }
        var head: [UInt8] = []
        var inflater: StreamInflater?
        var isSkipped = false
        return { [unowned self] piece in
            guard !isSkipped else { return }
            if let inflater {
                try Self.inflate(piece, inflater, inner)
                return
            }
            if head.count >= 2 {
                try inner.take(piece)
                return
            }
            head += piece
            guard head.count >= 2 else { return }
            if head[0] == 0x1f, head[1] == 0x8b {
                let new = StreamInflater()
                inflater = new
                try Self.inflate(head[...], new, inner)
            } else if head.starts(with: [0x28, 0xb5]) {
                isSkipped = true
                unreadLayers += 1
            } else {
                // A manifest in JSON is no tar, and the scan ends with its first block.
                try inner.take(head[...])
            }
        }
    }

    private static func inflate(
        _ piece: ArraySlice<UInt8>, _ inflater: StreamInflater, _ inner: TarScan
    ) throws {
        var room = [UInt8](repeating: 0, count: 128 << 10)
        var rest = piece
        while true {
            let outcome = rest.withUnsafeBytes { input in
                room.withUnsafeMutableBytes { inflater.inflate(input, into: $0) }
            }
            guard case .progress(let consumed, let produced) = outcome else { return }
            try inner.take(room[..<produced])
            rest = rest.dropFirst(consumed)
            if rest.isEmpty, produced < room.count { return }
            if consumed == 0, produced == 0 { return }
        }
    }

    private func database(_ path: [UInt8], _ size: Int64) -> TarScan.Content {
        var head: [UInt8] = []
        var isDecided = false
        return { [unowned self] piece in
            guard !isDecided else { return }
            head += piece.prefix(16)
            guard head.count >= 16 else { return }
            isDecided = true
            if let engine = DatabaseEngine(firstBytes: head) {
                found.append(Found(path: printable(path), engine: engine, bytes: size))
            }
        }
    }

    /// tar writes "./app" where docker writes "app".
    private static func bare(_ path: [UInt8]) -> [UInt8] {
        path.starts(with: "./".utf8) ? Array(path.dropFirst(2)) : path
    }

    /// Returns true for the places where distributions and packages keep databases of their own: of packages, of
    /// certificates, of tests.
    private static func isOfTheSystem(_ path: [UInt8]) -> Bool {
        let name = String(decoding: path, as: UTF8.self)
        return [
            "usr/lib/", "usr/lib64/", "usr/share/", "usr/local/lib/", "usr/local/share/", "etc/", "lib/",
            "var/cache/",
            "var/lib/rpm/", "var/lib/dnf/", "var/lib/yum/", "var/lib/apt/", "var/lib/dpkg/",
        ].contains { name.hasPrefix($0) }
            || name.split(separator: "/").dropLast().contains {
                [".cache", "node_modules", "site-packages", "testdata"].contains($0)
            }
    }
}
