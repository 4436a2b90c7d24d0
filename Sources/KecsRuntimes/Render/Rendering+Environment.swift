// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The environment as a file, in the format of `docker run --env-file` and compose's `env_file`.
extension Rendering {
    /// The file. A secret is written as its name alone: both programs take its value from the environment that they are
    /// called in.
    var environmentFile: String {
        var lines = [
            "# The environment of the instance \(name). Written by “kecsctl render env \(name)”.",
            "# For compose's env_file and “docker run --env-file”; of the latter, quotes become part of the value.",
            "# A name without “=” is a secret: its value is taken from the environment that docker is called in.",
        ]
        if let ids = owner {
            lines += [
                "", "# Whom the data belongs to: user: \"${UID}:${GID}\"", "UID=\(ids.user)",
                "GID=\(ids.group)",
            ]
        }
        if running.isEmpty {
            lines += [
                "", "KECS_CONTAINER_MODE=true", "KECS_DATA_DIR=/data", "KECS_INSTANCE=\(name)",
                "KECS_AUTO_RECOVER_STATE=true",
            ]
        }
        var known = [String: String](uniqueKeysWithValues: owner == nil ? [] : [("UID", ""), ("GID", "")])
        for service in running {
            lines += ["", "# \(service.name.isEmpty ? service.containerName : service.name)"]
            for variable in service.variables.sorted(by: { $0.name < $1.name }) {
                let line = Self.line(variable)
                guard let line else {
                    lines.append("# \(variable.name) has a line end in it, which no such file can hold")
                    continue
                }
                // If two lines have one name, the last would count for all.
                if let other = known[variable.name] {
                    if other != line { lines.append("# differs here: \(line)") }
                    continue
                }
                known[variable.name] = line
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Returns the line; nil for a value that the file's format cannot hold.
    private static func line(_ variable: RunningService.Variable) -> String? {
        if variable.isSecret { return variable.name }
        guard !variable.value.contains(where: \.isNewline) else { return nil }
        let isPlain = variable.value.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || "-_./:@%+,=?&*~".utf8.contains(byte)
        }
        if isPlain { return "\(variable.name)=\(variable.value)" }
        // Nothing is expanded between single quotes.
        if !variable.value.contains("'") { return "\(variable.name)='\(variable.value)'" }
        return "\(variable.name)=\"\(withBackslashes(variable.value))\""
    }

    /// Returns the text for double quotes where `$` begins a variable.
    static func withBackslashes(_ text: String) -> String {
        var result = ""
        for character in text {
            if "\\\"$".contains(character) { result += "\\" }
            result.append(character)
        }
        return result
    }
}
