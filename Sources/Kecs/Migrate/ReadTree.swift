// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// A folder to import, as it was when it was read. The unpacked content must equal it, and the folder must still equal
/// it by then. Otherwise another process wrote to it meanwhile.
struct ReadTree: Sendable {
    private let root: FilePath
    private let leftOut: Set<[UInt8]>
    private let owners: Bool
    private let cancellation: Cancellation
    /// The place of each part in the folder, empty for all of it.
    private let places: [String: String]
    private let contents: [String: TreeContent]

    /// - Parameters:
    ///   - isInstance: True for a whole instance's folder; false for the data alone.
    ///   - leftOut: Raw paths that are not copied as they are.
    ///   - owners: True to compare the owners too.
    init(
        root: FilePath, isInstance: Bool, leftOut: Set<[UInt8]>, owners: Bool, cancellation: Cancellation
    ) throws {
        self.root = root
        self.leftOut = leftOut
        self.owners = owners
        self.cancellation = cancellation
        var places = ["data": ""]
        if isInstance {
            places = ["data": InstanceFolder.dataName, Part.objectStore: InstanceFolder.objectStoreName]
            places = try places.filter { try root.appending($0.value).isFolder }
        }
        self.places = places
        var contents: [String: TreeContent] = [:]
        for (part, place) in places {
            contents[part] = try Self.content(
                root, place, leftOut: leftOut, owners: owners, cancellation: cancellation)
        }
        self.contents = contents
    }

    var digest: String? { contents["data"]?.digest }

    /// - Parameter part: The part that it became. A folder that is the data alone may become any.
    /// - Throws: `Failure(.busy)` when the folder has changed since it was read; `.failed` when the copy differs.
    func compare(_ part: String, _ staged: FilePath) throws {
        let part = places[part] == nil && places["data"] == "" ? "data" : part
        guard let expected = contents[part], let place = places[part] else { return }
        let now = try Self.content(root, place, leftOut: leftOut, owners: owners, cancellation: cancellation)
        if let path = now.difference(from: expected) {
            throw Failure(
                .busy, "\(root) was changed while it was read", cause: "\(path) is not what it was",
                remedy: "lsof +D \(root)")
        }
        let below = Self.below(place, leftOut)
        let actual = try TreeContent(staged, owners: owners, leftOut: below, cancellation: cancellation)
        if let path = actual.difference(from: expected) {
            throw Failure(
                .failed, "what was unpacked is not what was read, and nothing was imported",
                cause: "\(path) differs")
        }
    }

    private static func content(
        _ root: FilePath, _ place: String, leftOut: Set<[UInt8]>, owners: Bool, cancellation: Cancellation
    ) throws -> TreeContent {
        try TreeContent(
            place.isEmpty ? root : root.appending(place), owners: owners, leftOut: below(place, leftOut),
            cancellation: cancellation)
    }

    private static func below(_ place: String, _ paths: Set<[UInt8]>) -> Set<[UInt8]> {
        guard !place.isEmpty else { return paths }
        let start = Array("\(place)/".utf8)
        return Set(paths.filter { $0.starts(with: start) }.map { Array($0.dropFirst(start.count)) })
    }
}
