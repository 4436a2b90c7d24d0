// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero
import SystemPackage

/// The folder `velero-config/`: the credentials of the object store and the guide's description of the backups'
/// location.
struct VeleroFolder: Sendable {
    let instance: Instance
    let machine: Machine

    var credentials: FilePath { instance.folder.veleroConfig.appending("credentials") }
    var location: FilePath { instance.folder.veleroConfig.appending("backup-location.yaml") }

    /// Creates the missing files. Existing credentials stay.
    func prepare() throws -> StoreCredentials {
        try instance.folder.veleroConfig.createFolder()
        try instance.folder.veleroConfig.checkIsOurs()
        let text = Array(VeleroManifests.locationText.utf8)
        if try !location.isPresent || location.contents() != text {
            try location.replaceContents(text, mode: 0o644)
        }
        guard try credentials.isPresent else {
            let made = StoreCredentials(random: machine.random(StoreCredentials.randomBytes))
            try credentials.replaceContents(Array(made.text.reveal().utf8), mode: 0o600)
            return made
        }
        try credentials.checkIsOurFile()
        if let status = try FileStatus.of(credentials), status.mode & 0o077 != 0 {
            try credentials.setMode(0o600)
        }
        let found = StoreCredentials(String(decoding: try credentials.contents(), as: UTF8.self))
        guard let found else {
            throw Failure(
                .damaged, "the credentials of the object store of “\(instance.name)” cannot be read",
                cause:
                    "\(credentials) has no aws_access_key_id of 3 letters and aws_secret_access_key of 8 at least;"
                    + " the stored backups do not depend on them, and new ones are made when the file is gone",
                remedy: ShellWords.quote(["rm", credentials.string]))
        }
        return found
    }
}
