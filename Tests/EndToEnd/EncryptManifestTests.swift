// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Backups whose manifest names no files.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct EncryptManifestTests {
    private func text(_ folder: FilePath) throws -> String {
        try ["SHA256SUMS", "manifest.json"].map {
            String(decoding: try folder.appending($0).contents(), as: UTF8.self)
        }.joined()
    }

    @Test func `no copy tells a name, and with the key all is there`() async throws {
        try await RemoteScene.with { scene in
            var scene = scene
            let key = scene.root.appending("key")
            try key.replaceContents(Array("correct horse\n".utf8), mode: 0o600)
            scene.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
            let secret = scene.kecsctl.home.appending("instances/dev/data/payroll.db")
            try SQLiteDatabase(secret, .create).executeScript(
                "CREATE TABLE wages (n); INSERT INTO wages VALUES (1)")
            try await scene.must("config", "set", "segmentsFrom", "1KiB")
            let refused = try await scene.kecsctl("backup", "dev", "--encrypt-manifest")
            #expect(refused.status == 64, "\(refused.errors)")
            // What changed within the clock's resolution before a backup is read again by the next one.
            try await SystemClock().sleep(for: .milliseconds(2100))
            let id = try await scene.backUp("--encrypt", "gpg", "--encrypt-manifest", "--copy-to", "usb")
            let copy = scene.folder.appending(id)
            #expect(
                try copy.entries().map(\.string).sorted() == [
                    "SHA256SUMS", "config.tar.gz.gpg", "data.tar.gz.gpg", "manifest.full.json.gpg",
                    "manifest.json", "minio.tar.gz.gpg",
                ])
            let told = try text(copy)
            for word in ["payroll", "kecs.db", "wages", "kept"] { #expect(!told.contains(word), "\(told)") }

            // Here it is as any other: what is gone is missed, and what did not change is linked.
            let shown = try await scene.must("backups", "show", "latest", "-o", "json").output
            #expect(shown.contains("payroll.db") && shown.contains("wages"))
            let second = try await scene.backUp("--encrypt", "gpg", "--encrypt-manifest", "--copy-to", "usb")
            let inodes = try [id, second].map {
                try FileStatus.of(scene.store.appending("\($0)/minio.tar.gz.gpg"))?.inode
            }
            #expect(inodes[0] == inodes[1])
            let bytes = try secret.contents()
            try secret.remove()
            let lacking = try await scene.kecsctl("backup", "dev", "--encrypt", "gpg", "--encrypt-manifest")
            #expect(lacking.status == 3 && lacking.errors.contains("payroll.db"), "\(lacking.errors)")

            // Elsewhere it takes the key.
            var other = try await scene.elsewhere()
            other.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = nil
            try await other.must("backups", "verify", second, "--remote", "usb", "--instance", "dev")
            let without = try await other.kecsctl("restore", "dev", "--from", "usb/\(second)", "--yes")
            #expect(without.status == 12, "\(without.errors)")
            other.kecsctl.environment["KECSCTL_PASSPHRASE_FILE"] = key.string
            try await other.must("restore", "dev", "--from", "usb/\(second)", "--yes")
            #expect(try other.kecsctl.home.appending("instances/dev/data/payroll.db").contents() == bytes)
            let drill = try await other.must(
                "backups", "drill", "dev", "--from", "usb/\(second)", "-o", "json")
            #expect(try drill.first()["databases"]?.array?.count == 2)

            // A bundle tells none either, and what it hides is checked like all else.
            let bundle = scene.root.appending("bundle.tar")
            try await scene.must("backups", "export", "dev/\(second)", "--file", bundle.string)
            #expect(!String(decoding: try bundle.contents(), as: UTF8.self).contains("payroll"))
            try await other.must("backups", "import", bundle.string, "--as", "dev")
            try await other.must("backups", "drill", "dev", "--from", second)
            let details = other.store.appending("\(second)/manifest.full.json.gpg")
            var flipped = try details.contents()
            flipped[flipped.count / 2] ^= 1
            try details.replaceContents(flipped)
            #expect(try await other.kecsctl("backups", "verify", "latest").status == 13)
        }
    }
}
