// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// What a remote does with files that it has already, without their bytes passing through here.
extension Rclone {
    struct Abilities: Sendable {
        /// It copies a file of its own.
        var copies = false
        /// A file of its own can get a second name.
        var links = false
        /// Folders are only parts of names, a file appears when all of it is there, and renaming would be copying and removing.
        var isBucket = false
    }

    func abilities() async throws -> Abilities {
        if remote.address.hasPrefix("/") || SSHAddress(remote.address) != nil {
            return Abilities(links: true)
        }
        let result = try await call(["backend", "features", path("")], limit: .seconds(600))
        try check(result, "say what it can do")
        guard case .object(let answer)? = try? JSONValue(parsing: result.outputText),
            case .object(let features)? = answer["Features"]
        else {
            throw failure(
                "say what it can do", "rclone's answer is not the list of features that was asked for")
        }
        return Abilities(copies: features["Copy"] == true, isBucket: features["BucketBased"] == true)
    }

    /// Lets the remote copy files between two of its folders, under their names.
    ///
    /// - Returns: False when it refused the first of them; there may be fewer files there than were wanted in any case.
    func copyThere(_ names: [String], in source: String, to target: String) async throws -> Bool {
        func copy(_ names: [String]) async throws -> Bool {
            let words = ["copy", "--retries", "1", "--ignore-times", "--files-from", "-"]
            return try await call(words + [path(source), path(target)], input: names, limit: Self.long)
                .succeeded
        }
        guard let first = names.first, try await copy([first]) else { return false }
        for batch in Self.batches(Array(names.dropFirst())) where try await !copy(batch) { break }
        return true
    }

    /// Gives files below the remote's address second names. One that cannot be had is left out.
    func link(_ pairs: [(from: String, to: String)]) async throws {
        if let address = SSHAddress(remote.address) { return try await link(pairs, at: address) }
        try checkIsThere()
        for pair in pairs {
            try machine.cancellation.check()
            let target = FilePath(path(pair.to))
            do {
                try target.removingLastComponent().createFolder()
                try FilePath(path(pair.from)).link(to: target)
            } catch is FileError { continue }
        }
    }

    /// By ssh's own client: rclone cannot.
    private func link(_ pairs: [(from: String, to: String)], at address: SSHAddress) async throws {
        var folders: [String] = []
        for pair in pairs {
            var folder = ""
            for word in pair.to.split(separator: "/").dropLast() {
                folder += (folder.isEmpty ? "" : "/") + word
                if !folders.contains(folder) { folders.append(folder) }
            }
        }
        // “-”: one that fails does not end the others.
        let lines =
            folders.map { "-mkdir \(address.quoted($0))" }
            + pairs.map { "-ln \(address.quoted($0.from)) \(address.quoted($0.to))" }
        // Whatever keeps it from linking, the files are sent.
        do { _ = try await sftp(lines, at: address) } catch is ProcessError { return }
    }
}
