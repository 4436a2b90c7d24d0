// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

/// An archive that a stock program makes of the folder `tree`, as the file `a`, and what its format keeps.
struct ContainerCase: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var command: String
    /// For find -printf; owners, times and sizes where the format has them.
    var facts = "%P %y %m %U:%G %Ts %l"
    var keepsHardLinks = true
    /// Of zip and 7z names are text.
    var takesAnyName = true
    /// Whether every bit of it is covered by a checksum.
    var isChecked = true

    private static let compressors = ["xz", "zstd -q", "bzip2", "lz4 -q"]

    static let tars = ["v7", "ustar", "pax", "gnu"].flatMap { format in
        compressors.map { compressor in
            ContainerCase(
                testDescription: "\(format) with \(compressor)",
                // Neither of the old ones has room for the long name.
                command: (["v7", "ustar"].contains(format) ? "rm -rf tree/sub/nn*; " : "")
                    + "tar -C tree --format=\(format) -cf - . 2>/dev/null | \(compressor) -c > a")
        }
    }

    static let others = [
        ContainerCase(
            testDescription: "bsdtar with zstd", command: "bsdtar -C tree -cf a --zstd --format pax ."),
        ContainerCase(
            testDescription: "Python with xz",
            command:
                "python3 -c 'import tarfile; t = tarfile.open(\"a\", \"w:xz\"); t.add(\"tree\", \".\"); t.close()'"
        ),
        ContainerCase(
            testDescription: "sparse files of GNU tar", command: "tar -C tree -cSf - . | zstd -q > a"),
        ContainerCase(
            testDescription: "several streams in one file",
            command: "tar -C tree -cf - . > b; (head -c 5000 b | xz; tail -c +5001 b | xz) > a"),
    ]

    static let cpios =
        ["newc", "crc", "odc", "bin"].map { format in
            ContainerCase(
                testDescription: "cpio \(format)",
                // The old ones number files with few bits, and GNU cpio renumbers them.
                command: "cd tree && find . | cpio --quiet -o -H \(format) > ../a 2>/dev/null",
                isChecked: false)
        } + [
            ContainerCase(
                testDescription: "bsdcpio", command: "cd tree && find . | bsdcpio --quiet -o -H newc > ../a",
                isChecked: false),
            ContainerCase(
                testDescription: "cpio with gzip",
                command: "cd tree && find . | cpio --quiet -o -H newc 2>/dev/null | gzip > ../a",
                isChecked: true),
            ContainerCase(
                testDescription: "cpio with xz",
                command: "cd tree && find . | cpio --quiet -o -H newc 2>/dev/null | xz > ../a",
                isChecked: true),
        ]

    static let zips = [
        ContainerCase(
            testDescription: "zip of bsdtar", command: "LC_ALL=C.UTF-8 bsdtar -C tree -cf a --format zip .",
            facts: "%P %y %m %Ts %l", keepsHardLinks: false, takesAnyName: false, isChecked: false),
        ContainerCase(
            testDescription: "zip of Python", command: pythonZip, facts: "%P %y %m", keepsHardLinks: false,
            takesAnyName: false, isChecked: false),
        ContainerCase(
            testDescription: "7z of bsdtar", command: "LC_ALL=C.UTF-8 bsdtar -C tree -cf a --format 7zip .",
            facts: "%P %y %m %Ts %l", keepsHardLinks: false, takesAnyName: false),
        ContainerCase(
            testDescription: "7z of 7-Zip",
            command: "cd tree && LC_ALL=C.UTF-8 7z a -bd -snl -mx=5 ../a.7z . > /dev/null && mv ../a.7z ../a",
            facts: "%P %y %m %Ts %l", keepsHardLinks: false, takesAnyName: false),
    ]

    /// With its modes and folders, and links as links; a plain `writestr` would follow them.
    private static let pythonZip = """
        cat > z.py <<'END'
        import os, zipfile
        z = zipfile.ZipFile("a", "w", zipfile.ZIP_DEFLATED)
        for above, folders, files in os.walk("tree"):
            for name in folders + files:
                path = os.path.join(above, name)
                info = zipfile.ZipInfo.from_file(path, os.path.relpath(path, "tree"))
                if os.path.islink(path):
                    info.external_attr = (os.lstat(path).st_mode & 0xFFFF) << 16
                    z.writestr(info, os.readlink(path))
                elif os.path.isdir(path): z.writestr(info, b"")
                else: z.writestr(info, open(path, "rb").read(), zipfile.ZIP_DEFLATED)
        z.close()
        END
        python3 z.py
        """

    static let all = tars + others + cpios + zips

    /// One of each decoder, small enough to be damaged two hundred times.
    static let damaged = all.filter {
        ["ustar", "several", "cpio newc", "cpio with gzip", "zip", "7z"].contains(
            where: $0.testDescription.hasPrefix)
    }
}

/// Names, kinds, modes, times, links and contents below a folder, the folder itself left out.
struct TreeFacts: Equatable {
    var entries: [String] = []
    /// Of the files, and the targets of links.
    var contents: Set<[UInt8]> = []

    init(_ root: FilePath) throws { try add(root, "") }

    private mutating func add(_ folder: FilePath, _ above: String) throws {
        for name in try folder.entries().sorted(by: { $0.string < $1.string }) {
            let path = folder.appending(name)
            guard let status = try FileStatus.of(path) else { continue }
            var line =
                "\(above)\(printable(name.bytes)) \(status.kind) \(status.mode) \(status.modified.seconds)"
            switch status.kind {
            case .file:
                let bytes = try path.contents()
                contents.insert(bytes)
                line += " \(bytes.count) \(sha256(bytes))"
            case .symlink:
                let target = lines(of: "readlink '\(path)'").joined()
                contents.insert(Array(target.utf8))
                line += " \(target)"
            default: break
            }
            entries.append(line)
            if status.kind == .folder { try add(path, "\(above)\(printable(name.bytes))/") }
        }
    }
}
