// SPDX-License-Identifier: Apache-2.0
import Kecs

/// A volume or a folder of the host, and its path in a container: `NAME:PATH` or `/FOLDER:PATH`.
struct VolumeMount: Hashable, Sendable, CustomStringConvertible {
    /// The name of a volume, or the absolute path of a folder.
    var source: String
    var destination: String

    var isFolder: Bool { source.hasPrefix("/") }
    var description: String { "\(source):\(destination)" }

    init(_ text: String) throws(Failure) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[1].hasPrefix("/"), parts[1] != "/" else {
            throw Self.refusal(text, "it is written NAME:PATH, with an absolute path")
        }
        source = parts[0]
        destination = parts[1]
        guard destination != DockerSpec.dataFolder else {
            throw Self.refusal(text, "\(DockerSpec.dataFolder) holds the instance's data folder")
        }
        guard isFolder || Self.isVolumeName(source) else {
            throw Self.refusal(
                text,
                "a volume's name has letters, digits, dots, hyphens and underscores; a folder's path is absolute"
            )
        }
    }

    /// Parses the setting `volumes`: mounts separated by commas.
    static func list(_ text: String) throws(Failure) -> [VolumeMount] {
        var mounts: [VolumeMount] = []
        for item in text.split(separator: ",") {
            let mount = try VolumeMount(String(item))
            if let twice = mounts.first(where: { $0.destination == mount.destination }) {
                throw refusal(mount.description, "\(twice) is there already")
            }
            mounts.append(mount)
        }
        return mounts
    }

    /// The argument of `--mount`.
    var argument: String {
        isFolder ? Self.bind(source, destination) : "type=volume,source=\(source),target=\(destination)"
    }

    /// The value is one line of CSV.
    static func bind(_ source: String, _ target: String) -> String {
        ["type=bind", "source=\(source)", "target=\(target)"].map { field in
            field.contains { ",\"\n".contains($0) }
                ? "\"\(field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
                : field
        }.joined(separator: ",")
    }

    /// moby, `volume/local/local.go`: like a container's name.
    static func isVolumeName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        func isPlain(_ byte: UInt8) -> Bool {
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber)
        }
        guard let first = bytes.first, isPlain(first), (2...255).contains(bytes.count) else { return false }
        return bytes.allSatisfy { isPlain($0) || "_.-".utf8.contains($0) }
    }

    private static func refusal(_ text: String, _ why: String) -> Failure {
        Failure(
            .usage, "“\(text)” cannot be mounted", cause: why,
            remedy: "kecsctl config show --origin")
    }
}
