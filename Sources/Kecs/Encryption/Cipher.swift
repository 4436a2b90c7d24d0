// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Encrypts and decrypts files with gpg or age as child processes. A passphrase goes through standard input, never
/// through an argument, the environment or a file.
struct Cipher: Sendable {
    let site: Site
    let keys: Keys
    /// Read already, for many files.
    private var passphrase: Secret?

    init(site: Site, keys: Keys) {
        self.site = site
        self.keys = keys
    }

    /// The time limit of a call: long enough for the largest file.
    private static let longest = Duration.seconds(7 * 24 * 3600)
    /// The largest count of OpenPGP's iterated key derivation (RFC 9580, 3.7.1.3), and gpg's own default. It is given
    /// so that gpg does not start an agent to ask for it.
    private static let derivations = "65011712"

    /// Proves before the work that encrypting will succeed: the program, the passphrase or every recipient.
    func check(_ sealing: Sealing) async throws {
        let folder = try site.scratch(for: ByteCount(0))
        defer { folder.discardQuietly() }
        let probe = folder.appending("probe")
        try probe.replaceContents([])
        try await encrypt(probe, to: folder.appending("sealed"), sealing)
    }

    /// The same for many files, side by side: the command that prints the passphrase, which may ask somebody, runs once.
    func withPassphrase() async throws -> Cipher {
        var cipher = self
        cipher.passphrase = try await known()
        return cipher
    }

    private func known() async throws -> Secret? {
        if let passphrase { return passphrase }
        return try await keys.passphrase()
    }

    /// Encrypts a file.
    ///
    /// - Parameter target: Must not exist.
    /// - Throws: `Failure(.wrongKey)` without a passphrase, or for an invalid recipient.
    func encrypt(_ file: FilePath, to target: FilePath, _ sealing: Sealing) async throws {
        let result: ProcessResult
        switch sealing.method {
        case .gpg where sealing.recipients.isEmpty:
            guard let passphrase = try await known() else {
                throw Failure(
                    .wrongKey, "gpg has no passphrase to encrypt with",
                    cause: "neither passphraseFile nor passphraseCommand is set",
                    remedy: "kecsctl config set passphraseFile FILE")
            }
            result = try await withGPGFolder { folder in
                try await run(
                    "gpg",
                    Self.gpg + [
                        "--homedir", folder.string, "--passphrase-fd", "0", "--cipher-algo", "AES256",
                        "--s2k-cipher-algo", "AES256", "--s2k-digest-algo", "SHA512", "--s2k-count",
                        Self.derivations, "--compress-algo", "none", "--output", target.string, "--symmetric",
                        file.string,
                    ], input: passphrase)
            }
        case .gpg:
            result = try await run(
                "gpg",
                Self.gpg + ["--trust-model", "always", "--compress-algo", "none"]
                    + sealing.recipients.flatMap { ["--recipient", $0] }
                    + ["--output", target.string, "--encrypt", file.string])
        case .age:
            result = try await run(
                "age",
                ["--encrypt"]
                    + sealing.recipients.flatMap { $0.hasPrefix("/") ? ["-R", $0] : ["-r", $0] }
                    + ["-o", target.string, file.string])
        }
        guard result.succeeded else {
            throw Failure(
                .wrongKey, "\(sealing.method.rawValue) could not encrypt \(file.lastComponent?.string ?? "")",
                cause: Self.words(result), remedy: remedy(sealing))
        }
    }

    /// Decrypts a file.
    ///
    /// - Parameter target: Must not exist. It exists only when everything was decrypted and the program's own check
    ///   held.
    /// - Throws: `Failure(.wrongKey)` when the program refuses; its own words are the cause.
    func decrypt(_ file: FilePath, to target: FilePath, _ sealing: Sealing) async throws {
        let result = try await decryption(of: file, to: target, sealing)
        guard result.succeeded else {
            if try target.isPresent { try target.remove() }
            throw Failure(
                .wrongKey, "\(sealing.method.rawValue) could not decrypt \(file.lastComponent?.string ?? "")",
                cause: Self.words(result), remedy: remedy(sealing))
        }
    }

    /// Returns true when the passphrase opens a file that was encrypted before. Its beginning is enough to decide.
    func opens(_ file: FilePath, _ sealing: Sealing) async throws -> Bool {
        let folder = try site.scratch(for: ByteCount(0))
        defer { folder.discardQuietly() }
        let start = folder.appending("start")
        try start.replaceContents(try file.prefix(4096))
        let result = try await decryption(of: start, to: folder.appending("opened"), sealing)
        // A truncated file is never decrypted as a whole; only these messages are about the key.
        return !["Bad session key", "No secret key", "Bad passphrase"].contains {
            result.errorText.contains($0)
        }
    }

    private func decryption(
        of file: FilePath, to target: FilePath, _ sealing: Sealing
    ) async throws -> ProcessResult {
        switch sealing.method {
        case .gpg where sealing.recipients.isEmpty:
            guard let passphrase = try await known() else {
                throw Failure(
                    .wrongKey, "\(file.lastComponent?.string ?? "") is encrypted, and no passphrase is known",
                    cause: "neither passphraseFile nor passphraseCommand is set",
                    remedy: "kecsctl config set passphraseFile FILE")
            }
            return try await withGPGFolder { folder in
                try await run(
                    "gpg",
                    Self.gpg + [
                        "--homedir", folder.string, "--passphrase-fd", "0", "--output", target.string,
                        "--decrypt", file.string,
                    ], input: passphrase)
            }
        case .gpg:
            // The secret key is in gpg's own keyring; its passphrase, if it has one, may come from here.
            let passphrase = try await known()
            return try await run(
                "gpg",
                ["--batch", "--no-tty", "--quiet"]
                    + (passphrase == nil ? [] : ["--pinentry-mode", "loopback", "--passphrase-fd", "0"])
                    + ["--output", target.string, "--decrypt", file.string], input: passphrase)
        case .age:
            return try await run(
                "age",
                ["--decrypt", "-i", try keys.identityFile().string, "-o", target.string, file.string])
        }
    }

    // MARK: Calls

    private static let gpg = [
        "--batch", "--no-tty", "--quiet", "--no-options", "--pinentry-mode", "loopback", "--no-autostart",
    ]

    /// Runs `body` with a keyring of its own for one call: nothing of the user's is read, and nothing is left in it.
    private func withGPGFolder<Value>(_ body: (FilePath) async throws -> Value) async throws -> Value {
        let folder = try site.scratch(for: ByteCount(0))
        defer { folder.discardQuietly() }
        return try await body(folder)
    }

    private func run(
        _ program: String, _ arguments: [String], input: Secret? = nil
    ) async throws -> ProcessResult {
        var call = ProcessCall(program, arguments)
        if let input { call.input = .bytes(Array((input.reveal() + "\n").utf8)) }
        call.limit = Self.longest
        // The child does not need to know the sources of the keys.
        for key in [SettingKey.passphraseFile, .passphraseCommand, .identityFile] {
            for name in key.variables { call.environment[name] = .some(nil) }
        }
        do {
            return try await site.machine.processes.run(call)
        } catch let error as ProcessError {
            throw Failure(
                .failed, "\(program) is not available", cause: "\(error)",
                remedy: "apt-get install \(program)")
        }
    }

    /// Returns the program's message, in its own words.
    private static func words(_ result: ProcessResult) -> String {
        let lines = result.errorText.split(separator: "\n").map { printable(Array($0.utf8)) }
        return lines.isEmpty ? "it ended with \(result.end)" : lines.suffix(3).joined(separator: "; ")
    }

    private func remedy(_ sealing: Sealing) -> String {
        switch sealing.method {
        case .gpg where sealing.recipients.isEmpty: "kecsctl config get passphraseFile"
        case .gpg: "gpg --list-secret-keys"
        case .age: "kecsctl config get identityFile"
        }
    }
}
