// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

/// A folder for one test, gone with it.
final class Scratch {
    let path: FilePath

    init() {
        var template = Array("/var/tmp/kecs-archive-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("mkdtemp: \(errno)") }
        path = FilePath(platformString: made)
    }

    deinit { shell("chmod -R u+rwx '\(path)' 2>/dev/null; rm -rf '\(path)'") }

    func folder(_ name: String) -> FilePath {
        let folder = path.appending(name)
        _ = folder.withPlatformString { mkdir($0, 0o755) }
        return folder
    }

    /// Runs a script with the scratch folder as its working directory.
    @discardableResult func run(_ script: String) -> Int32 {
        let file = FilePath("\(path).bash")
        defer { _ = file.withPlatformString { unlink($0) } }
        do { try file.write("cd '\(path)' || exit 99\n" + script) } catch { return 98 }
        return shell("bash '\(file)'")
    }
}

/// - Returns: The exit status.
@discardableResult func shell(_ script: String) -> Int32 {
    let status = system(script)
    return status == -1 ? -1 : (status >> 8) & 0xff
}

extension FilePath {
    func write(_ bytes: [UInt8]) throws { try replaceContents(bytes, mode: 0o644) }
    func write(_ text: String) throws { try write(Array(text.utf8)) }
}

/// Everything that a restore must bring back, as lines that a failed expectation shows side by side.
func facts(of root: FilePath) -> [String] {
    // find prints raw bytes; ctime and inode numbers differ by nature. %D tells which names are one file.
    let command = """
        cd '\(root)' && find . -printf '%P\\0%y %m %U:%G %T@ %l' \\( -type f -printf ' %s %n' -o -true \\) -printf '\\0' \
        | tr '\\n\\0' '|\\n' | paste - - | LC_ALL=C sort
        """
    return lines(of: command)
}

/// Contents, attributes and ACLs.
func contents(of root: FilePath) -> [String] {
    lines(
        of:
            "cd '\(root)' && find . -type f -size -64M -print0 | LC_ALL=C sort -z | xargs -0r sha256sum | tr '\\0' '|'"
    )
        + lines(
            of:
                "cd '\(root)' && find . -print0 | LC_ALL=C sort -z | xargs -0r getfattr -h -d -m '^(user|trusted)' "
                + "--absolute-names -e hex 2>/dev/null | grep -v '^$'")
        + lines(
            of:
                "cd '\(root)' && find . -not -type l -print0 | LC_ALL=C sort -z | xargs -0r getfacl -n -p 2>/dev/null"
        )
}

/// What one has and the other has not: a failure that can be read.
func differences(_ left: [String], _ right: [String]) -> [String] {
    let (ours, theirs) = (Set(left), Set(right))
    return left.filter { !theirs.contains($0) }.map { "- \($0.suffix(300))" }
        + right.filter { !ours.contains($0) }.map { "+ \($0.suffix(300))" }
}

func lines(of command: String) -> [String] {
    guard let pipe = popen(command, "r") else { return ["popen failed"] }
    defer { pclose(pipe) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    return bytes.split(separator: UInt8(ascii: "\n")).map { printable(Array($0)) }
}

/// Noise that is the same in each run.
struct Noise: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }
}

struct Archived {
    let file: FilePath
    let summary: ArchiveSummary
}

func archive(
    _ root: FilePath, to file: FilePath, _ compression: Compression = .fast,
    leftOut: Set<[UInt8]> = [], substitutes: [[UInt8]: FilePath] = [:], threads: Int = 2
) throws -> ArchiveSummary {
    try writeArchive(
        of: TreeSource(root: root, leftOut: leftOut, substitutes: substitutes), to: file,
        compression: compression, threads: threads, cancellation: Cancellation(), progress: SilentProgress())
}

/// Where in an archive of ours the members without content begin, which are its index.
func indexStart(of bytes: [UInt8]) throws -> Int {
    var start = 0
    while bytes.count - start >= 28, bytes[start + 13] == UInt8(ascii: "C") {
        let size = (0..<4).reduce(0) { $0 | Int(bytes[start + 16 + $1]) << ($1 * 8) }
        try #require(size > 28)
        start += size
    }
    try #require(start < bytes.count && bytes[start + 13] == UInt8(ascii: "X"))
    return start
}

@discardableResult func check(_ file: FilePath, _ compression: Compression? = nil) throws -> ArchiveCheck {
    try checkArchive(
        file, compression: compression, threads: 2, cancellation: Cancellation(), progress: SilentProgress())
}

@discardableResult func unpack(
    _ file: FilePath, into folder: FilePath, _ options: UnpackOptions = UnpackOptions()
) throws -> UnpackSummary {
    try unpackArchive(
        file, into: folder, options: options, threads: 2, cancellation: Cancellation(),
        progress: SilentProgress())
}
