// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The last stage of a Dockerfile, as the persistence guide would have it: no database in the image, a user that is not
/// root, and an init that hands signals on.
extension Rendering {
    var dockerfile: String {
        guard !running.isEmpty else {
            let health = ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5374/health"]
            return stage(
                "kecs", from: image, user: user, folders: ["/data"],
                variables: ["KECS_CONTAINER_MODE=true", "KECS_DATA_DIR=/data"], health: health,
                times: [("interval", "30s"), ("timeout", "10s"), ("start-period", "40s"), ("retries", "3")],
                program: [])
        }
        return running.map { service in
            let folders = service.mounts.filter { $0.isWritable && !$0.target.hasSuffix(".sock") }.map(
                \.target)
            var times = (service.health?.times ?? []).map { ($0.name.replacing("_", with: "-"), $0.value) }
            if let retries = service.health?.retries { times.append(("retries", "\(retries)")) }
            return stage(
                service.name, from: service.formerTag ?? service.image,
                user: service.user.isEmpty || service.user == "0" || service.user == "root"
                    ? owner.map { "\($0.user):\($0.group)" } ?? "1001:1001" : service.user,
                folders: folders,
                variables: service.variables.filter { !$0.isSecret && !$0.value.contains(where: \.isNewline) }
                    .map { "\($0.name)=\(Self.quotedForDocker($0.value))" }.sorted(),
                health: service.health.map(\.test) ?? [], times: times, program: service.program)
        }.joined(separator: "\n")
    }

    private func stage(
        _ title: String, from image: String, user: String, folders: [String], variables: [String],
        health: [String], times: [(String, String)], program: [String]
    ) -> String {
        var lines = [
            "# \(title) of the instance \(name). Written by “kecsctl render dockerfile \(name)”.",
            "# The last stage of a Dockerfile. Copy the program and a template of its configuration into it; never the",
            "# database: an image that holds one shows it instead of the data whenever a mount is missing.",
            "FROM \(image)",
            "USER 0",
            "# tini hands signals on and ends what the server leaves behind; wget asks whether it is healthy.",
            "RUN if command -v apk >/dev/null; then apk add --no-cache ca-certificates tini wget; \\",
            "    elif command -v apt-get >/dev/null; then apt-get update \\",
            "        && apt-get install -y --no-install-recommends ca-certificates tini wget \\",
            "        && rm -rf /var/lib/apt/lists/*; \\",
            "    else command -v tini wget; fi",
        ]
        if !folders.isEmpty {
            let names = folders.sorted().map { Self.quotedForDocker($0) }.joined(separator: " ")
            lines += [
                "# What is mounted here: a new volume takes the owner and the mode of these.",
                "RUN mkdir -p \(names) && chown \(user) \(names)",
            ]
        }
        lines += variables.map { "ENV \($0)" }
        if health.count > 1 {
            let flags = times.map { "--\($0.0)=\($0.1) " }.joined()
            let isShell = health[0] == "CMD-SHELL"
            let words = health[0].hasPrefix("CMD") ? Array(health.dropFirst()) : health
            lines.append(
                "HEALTHCHECK \(flags)CMD "
                    + (isShell ? words.joined(separator: " ") : Self.list(words)))
        }
        lines.append("USER \(user)")
        if program.isEmpty {
            lines += [
                "# Say what the server is, behind tini:",
                "# ENTRYPOINT [\"tini\", \"--\", \"/usr/local/bin/server\"]",
            ]
        } else {
            let hasInit =
                program[0].split(separator: "/").last.map { ["tini", "dumb-init"].contains($0) } ?? false
            lines.append("ENTRYPOINT \(Self.list(hasInit ? program : ["tini", "--"] + program))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The exec form is JSON.
    private static func list(_ words: [String]) -> String {
        "[" + words.map { "\"\(escaped($0))\"" }.joined(separator: ", ") + "]"
    }

    /// Returns the text, in quotes where necessary; a `$` would be a variable of the build.
    private static func quotedForDocker(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || "-_./:@%+,=".utf8.contains(byte)
            }
        if isPlain { return text }
        return "\"" + withBackslashes(text) + "\""
    }
}
