// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The keys that the settings name. Each is read when it is needed, and never kept.
struct Keys: Sendable {
    let site: Site
    let settings: Settings

    /// The longest passphrase. It is one line; a longer file was named by mistake.
    private static let longest = 4096

    /// Returns true when there is a key that may decrypt the part. A key that gpg keeps itself needs no setting.
    func mayOpen(_ sealing: Sealing) throws -> Bool {
        switch sealing.method {
        case .gpg: try !sealing.recipients.isEmpty || hasPassphrase
        case .age: try settings.text(.identityFile) != nil
        }
    }

    var hasPassphrase: Bool {
        get throws { try settings.text(.passphraseFile) != nil || settings.text(.passphraseCommand) != nil }
    }

    /// Returns the passphrase.
    ///
    /// - Returns: Nil when no setting names one.
    /// - Throws: `Failure(.wrongKey)` for a file or a command that provides none.
    func passphrase() async throws -> Secret? {
        if let text = try settings.text(.passphraseFile) { return try read(try path(text), .passphraseFile) }
        guard let command = try settings.text(.passphraseCommand) else { return nil }
        let origin = try settings.setting(.passphraseCommand).origin
        var call = ProcessCall("/bin/sh", "-c", command)
        call.outputLimit = Self.longest + 2
        let result = try await site.machine.processes.run(call)
        guard result.succeeded else {
            throw Failure(
                .wrongKey, "the command that prints the passphrase failed",
                cause: "passphraseCommand comes from \(origin); it ended with \(result.end)",
                remedy: "kecsctl config get passphraseCommand")
        }
        return try line(result.output, "the command of passphraseCommand (\(origin))")
    }

    /// Returns the file with age's key.
    ///
    /// - Throws: `Failure(.wrongKey)` when there is none.
    func identityFile() throws -> FilePath {
        guard let text = try settings.text(.identityFile) else {
            throw Failure(
                .wrongKey, "age has no key to decrypt it with",
                cause: "the setting identityFile is not set",
                remedy: "kecsctl config set identityFile key.txt")
        }
        let file = try path(text)
        try check(file, .identityFile)
        return file
    }

    // MARK: Reading

    private func path(_ text: String) throws -> FilePath {
        try Home.absolute(FilePath(text), environment: site.machine.environment)
    }

    private func read(_ file: FilePath, _ key: SettingKey) throws -> Secret {
        try check(file, key)
        return try line(try file.contents(limit: Self.longest), "\(file)")
    }

    private func check(_ file: FilePath, _ key: SettingKey) throws {
        guard let status = try FileStatus.following(file), status.kind == .file else {
            throw Failure(
                .wrongKey, "there is no file \(file)",
                cause: "\(key.rawValue) comes from \(try settings.setting(key).origin)",
                remedy: "ls -l \(ShellWords.quote([file.string]))")
        }
        guard status.mode & 0o077 == 0 else {
            throw Failure(
                .wrongKey, "other users can read \(file)",
                cause: "its mode is \(String(status.mode & 0o7777, radix: 8)), and it holds a key",
                remedy: "chmod 600 \(ShellWords.quote([file.string]))")
        }
    }

    /// Returns the first line, because gpg takes no more.
    private func line(_ bytes: [UInt8], _ source: String) throws -> Secret {
        var first = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if first.last == UInt8(ascii: "\r") { first.removeLast() }
        guard !first.isEmpty, let text = String(validating: first, as: UTF8.self) else {
            throw Failure(.wrongKey, "the first line of \(source) is not a passphrase")
        }
        return Secret(text)
    }
}
