// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import SystemPackage

/// The keys of encrypted backups, for one command. They go before settings of files and environment.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file with the passphrase of encrypted backups in its first line.", valueName: "file"),
        completion: .file())
    var passphraseFile: PathArgument?

    @Option(
        help: ArgumentHelp(
            "A file with the keys that decrypt backups encrypted with age.", valueName: "file"),
        completion: .file())
    var identityFile: PathArgument?
}

extension Session {
    /// Returns the session with keys that an option named.
    func with(_ keys: KeyOptions) throws -> Session {
        var site = site
        for (key, argument) in [
            (SettingKey.passphraseFile, keys.passphraseFile), (.identityFile, keys.identityFile),
        ] {
            guard let argument, let name = key.variables.first else { continue }
            site.machine.environment[name] = try argument.path(self).string
        }
        return Session(site: site, console: console, options: options, command: command, words: words)
    }
}
