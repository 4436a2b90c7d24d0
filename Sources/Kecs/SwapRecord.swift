// SPDX-License-Identifier: Apache-2.0
import CLinux
import FoundationEssentials
import Glibc
import KecsSystem
import SystemPackage

/// The form of a swap in a JSON file of ours, in the journal or next to the trees that it replaced. The units of a
/// large one (`restore --path` of many files) lie in a file of their own, one line each. So neither the file nor the
/// memory for writing and reading it grows with their text.
extension Swap {
    struct UnitFile: Codable, Hashable, Sendable {
        var count: Int
        /// The SHA-256 digest of the file.
        var sha256: String
    }

    /// The largest number of units in the JSON itself.
    private static let unitsInside = 500
    private static let longestLine = 1 << 20

    /// Returns the file of the units whose record is in `file`: `journal.units` next to `journal.json`.
    static func unitFile(beside file: FilePath) -> FilePath {
        file.removingLastComponent().appending("\(file.stem ?? "swap").units")
    }

    /// Returns the swap as the JSON holds it. The units that it does not hold are on disk by then.
    func written(beside file: FilePath) throws -> Swap {
        var written = self
        written.unitFile = nil
        guard units.count > Self.unitsInside else { return written }
        let place = Self.unitFile(beside: file)
        let draft = place.draftBeside()
        do {
            let sha256 = try writeUnits(to: draft)
            try draft.rename(to: place)
            written.unitFile = UnitFile(count: units.count, sha256: sha256)
        } catch {
            if try draft.isPresent { try draft.remove() }
            throw error
        }
        written.units = []
        return written
    }

    private func writeUnits(to file: FilePath) throws -> String {
        let descriptor = file.withPlatformString {
            paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        }
        guard descriptor >= 0 else { throw FileError.last("create", file) }
        defer { close(descriptor) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let hasher = SHA256()
        var bytes: [UInt8] = []
        for (index, unit) in units.enumerated() {
            try unit.appendLine(to: &bytes, encoder)
            guard bytes.count >= 1 << 20 || index == units.count - 1 else { continue }
            hasher.update(bytes)
            try bytes.withUnsafeBytes { try writeFully($0, to: descriptor, of: file) }
            bytes.removeAll(keepingCapacity: true)
        }
        guard fsync(descriptor) == 0 else { throw FileError.last("sync", file) }
        return hasher.finish()
    }

    /// Returns the swap whose record is in `file`, with all its units.
    func complete(beside file: FilePath) throws -> Swap {
        guard let expected = unitFile else { return self }
        let place = Self.unitFile(beside: file)
        func broken(_ why: String) -> JSONFileError { JSONFileError(path: place, why: why) }
        let descriptor = place.withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0) }
        guard descriptor >= 0 else { throw FileError.last("open", place) }
        defer { close(descriptor) }
        guard try FileStatus.of(descriptor: descriptor, at: place).kind == .file else {
            throw broken("it is no file")
        }
        var swap = self
        swap.unitFile = nil
        let decoder = JSONDecoder()
        let hasher = SHA256()
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError.last("read", place) }
            if count == 0 { break }
            hasher.update(Array(buffer[..<count]))
            rest += buffer[..<count]
            let done = try rest.withUnsafeBytes { bytes in
                var start = 0
                while let line = Self.line(bytes, from: start) {
                    do {
                        swap.units.append(try Unit(line: line, decoder))
                    } catch {
                        throw broken("line \(swap.units.count + 1) is no record of it")
                    }
                    guard swap.units.count <= expected.count else { throw broken("it has too many lines") }
                    start += line.count + 1
                }
                return start
            }
            rest.removeFirst(done)
            guard rest.count <= Self.longestLine else { throw broken("a line of it is too long") }
        }
        let sha256 = hasher.finish()
        guard rest.isEmpty, swap.units.count == expected.count, sha256 == expected.sha256 else {
            throw broken("it is not what its record says")
        }
        return swap
    }

    /// The line from there to the next line feed; nil when there is none.
    private static func line(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UnsafeRawBufferPointer? {
        guard let first = bytes.baseAddress.map({ $0 + start }),
            let end = memchr(first, CInt(UInt8(ascii: "\n")), bytes.count - start)
        else { return nil }
        return UnsafeRawBufferPointer(start: first, count: first.distance(to: UnsafeRawPointer(end)))
    }

    /// Returns the record of a completed swap, in the folder of the old trees.
    static func record(in folder: FilePath) throws -> Swap? {
        let file = folder.appending(recordName)
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        let swap = try JSONFile.read(Swap.self, from: file).complete(beside: file)
        try swap.check(recordedIn: file)
        return swap
    }

    // MARK: What a record may say

    /// Checks the paths in a record, of which none is believed. Kept and staged trees must lie below the instance's own
    /// `.previous/` and `.restoring/`, or in a folder next to a part or in it that has our name for such folders.
    ///
    /// - Parameter file: The record: `INSTANCE/journal.json` or `INSTANCE/.previous/ID/swap.json`.
    func check(recordedIn file: FilePath) throws {
        func refuse(_ path: FilePath) -> JSONFileError {
            JSONFileError(path: file, why: "it names a path that no restore makes: \(path)")
        }
        // Above the instance's folder a name proves nothing: the home may lie in a folder called `.previous`.
        let above = file.lastComponent?.string == Self.recordName ? 3 : 1
        var places = RecordedPlaces(own: FilePath(root: file.root, file.components.dropLast(above)))
        guard !id.isEmpty,
            id.utf8.allSatisfy({
                $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                    || (0x61...0x7A).contains($0)
            })
        else { throw JSONFileError(path: file, why: "“\(printable(Array(id.utf8)))” is no id of a restore") }
        for path in [previous] + staging where !places.isPlaceOfOurs(path.bytes) { throw refuse(path.path) }
        for unit in units {
            for path in [unit.previous, unit.staged].compactMap(\.self)
            where !places.isPlaceOfOurs(path.bytes) {
                throw refuse(path.path)
            }
            // A live tree is none of our own folders.
            guard places.isPlaceOfOthers(unit.live.bytes) else { throw refuse(unit.live.path) }
        }
    }

    /// Checks that every exchanged tree lies in the instance's folder or in one of its parts, as its runtime knows
    /// them. While the runtime cannot answer, that is unknown.
    func checkPlaces(of instance: Instance, _ site: Site) async throws {
        var places = [instance.folder.path, try instance.dataFolder()].map { PathBytes($0) }
        let outside = units.map(\.live.bytes).filter { live in !places.contains { live.isAt(orBelow: $0) } }
        guard !outside.isEmpty else { return }
        let known: [Part]
        do { known = try await site.runtime(instance).parts() } catch { return }
        for part in known {
            switch part.place {
            case .folder(let folder), .entries(of: let folder, named: _), .volume(_, at: let folder?):
                places.append(PathBytes(folder))
                // Behind a link of the home's owner.
                if let real = try? folder.realPath() { places.append(PathBytes(real)) }
            case .volume(_, at: nil): break
            }
        }
        if let real = try? instance.dataFolder().realPath() { places.append(PathBytes(real)) }
        for live in outside where !places.contains(where: { live.isAt(orBelow: $0) }) {
            throw Failure(
                .damaged,
                "the record of a restore of “\(instance.name)” names a path that is none of its parts",
                cause: "\(live.path)", remedy: "kecsctl status \(instance.name)")
        }
    }
}

/// Judges the paths of a record. Thousands of them lie in one folder, which is looked at once.
private struct RecordedPlaces {
    /// Above the instance's folder a name proves nothing.
    let own: FilePath
    private let ownBytes: PathBytes
    private var folders: [PathBytes: (isPlain: Bool, isOurs: Bool)] = [:]

    init(own: FilePath) {
        self.own = own
        ownBytes = PathBytes(own)
    }

    /// Below a folder that restores make.
    mutating func isPlaceOfOurs(_ path: PathBytes) -> Bool {
        let known = facts(of: path)
        return known.isPlain && known.isOurs
    }

    /// An absolute path that is none of ours.
    mutating func isPlaceOfOthers(_ path: PathBytes) -> Bool {
        let known = facts(of: path)
        return known.isPlain && !known.isOurs
    }

    private mutating func facts(of path: PathBytes) -> (isPlain: Bool, isOurs: Bool) {
        let folder = path.folder
        let above = folders[folder] ?? judged(folder.path)
        folders[folder] = above
        // `.`, `..` and our names begin with a dot. What nearly no name does needs no speed.
        guard path.isHidden || path.count <= ownBytes.count else { return above }
        let whole = judged(path.path)
        return (whole.isPlain && folder.count > 1, whole.isOurs)
    }

    private func judged(_ path: FilePath) -> (isPlain: Bool, isOurs: Bool) {
        let names =
            path.starts(with: own) ? path.components.dropFirst(own.components.count) : path.components[...]
        return (
            path.isAbsolute && !path.components.isEmpty
                && path.components.allSatisfy { $0.kind == .regular },
            names.contains(where: FilePath.isMadeForRestores)
        )
    }
}

extension FilePath {
    private static let markers = [".kecsctl-previous", ".kecsctl-restoring"]

    /// Returns true for the name of a folder in which restores keep or stage trees.
    static func isMadeForRestores(_ name: FilePath.Component) -> Bool {
        let text = name.string
        if text == ".previous" || text == ".restoring" { return true }
        return markers.contains { text == $0 || (text.hasPrefix(".") && text.contains("\($0)-")) }
    }
}
