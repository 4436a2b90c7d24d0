// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The same over the network: S3, ssh and WebDAV, with somebody else's servers on this machine.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteServerTests {
    @Test func `S3 holds copies`() async throws {
        guard try Python.run(["-c", "import moto.server"]).status == 0 else {
            try Test.cancel("scripts/python has no moto here")
        }
        try await withTemporaryFolder { folder in
            let python = Python.root.appending("scripts/python").string
            try await RemoteServer.serving([python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"]) {
                port in
                let environment = try RemoteServer.config(
                    "type = s3\nprovider = Other\nendpoint = http://127.0.0.1:\(port)\nregion = us-east-1\n"
                        + "access_key_id = testing\nsecret_access_key = testing\nforce_path_style = true",
                    in: folder)
                try await expectCopies(address: "box:copies", environment)
            }
        }
    }

    @Test func `WebDAV holds copies`() async throws {
        try await withTemporaryFolder { folder in
            let there = folder.appending("there")
            try there.createFolder()
            let words = [
                "/usr/bin/rclone", "serve", "webdav", there.string, "--addr", "127.0.0.1:PORT", "--user",
                "kecs",
                "--pass", "open sesame", "--config", "/dev/null",
            ]
            try await RemoteServer.serving(words) { port in
                let obscured = try await RemoteServer.tool(["rclone", "obscure", "open sesame"]).filter {
                    !$0.isNewline
                }
                let environment = try RemoteServer.config(
                    "type = webdav\nurl = http://127.0.0.1:\(port)\nvendor = other\nuser = kecs\npass = \(obscured)",
                    in: folder)
                try await expectCopies(address: "box:kecs", environment)
                #expect(try there.appending("kecs/dev").entries().count == 1)
            }
        }
    }

    @Test(
        .enabled(
            if: access("/usr/sbin/sshd", X_OK) == 0,
            "openssh-server is missing: scripts/setup tests installs it"),
        .enabled(if: geteuid() == 0, "only root can run an sshd"))
    func `a folder behind ssh holds copies, and a host whose key is not known is not trusted`() async throws {
        try await withTemporaryFolder { folder in
            let keys = folder.appending(".ssh")
            try await RemoteServer.withSSHD(in: folder) { port in
                let there = folder.appending("there")
                let address = "ssh://root@127.0.0.1:\(port)\(there)"
                let environment = ["HOME": folder.string]
                try await RemoteScene.with(address: address, environment: environment) { scene in
                    let unknown = try await scene.kecsctl("remote", "test", "usb")
                    #expect(
                        unknown.status == 14 && unknown.errors.contains("ssh -p \(port)"), "\(unknown.errors)"
                    )
                    try keys.appending("known_hosts").replaceContents(Array("other ssh-ed25519 AAAA\n".utf8))
                    #expect(try await scene.kecsctl("remote", "test", "usb").status == 14)
                }
                try RemoteServer.trust(port, in: folder)
                try await expectCopies(address: address, environment)
                #expect(try there.appending("dev").entries().count == 1)
            }
        }
    }

    // MARK: What each must do

    /// Tested, copied, listed, verified, pruned, and restored after the home is gone.
    private func expectCopies(address: String, _ environment: [String: String]) async throws {
        try await RemoteScene.with(address: address, settings: ["--keep", "1"], environment: environment) {
            scene in
            try await scene.must("remote", "test", "usb")
            let first = try await scene.backUp("--copy-to", "usb")
            let again = try await scene.must("backups", "copy", "--to", "usb", "-o", "json")
            #expect(try again.first()["result"] == "already")
            let second = try await scene.must("backup", "dev", "--copy-to", "usb", "-o", "json").first()
            let id = try #require(second["backup"]?["id"]?.string)
            #expect(second["copies"]?.array?.first?["pruned"]?.array == [.string(first)])
            // What did not change was not sent: S3 and WebDAV copied it, over ssh it got another name.
            #expect(try #require(second["copies"]?.array?.first?["reusedBytes"]?.integer) > 0)
            let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(list.map { $0["id"]?.string } == [id])
            #expect(list.first?["state"] == "complete" && list.first?["verifiedAt"] != nil)
            let verified = try await scene.must("backups", "verify", "--all", "--remote", "usb", "-o", "json")
            #expect(try verified.first()["result"] == "verified")
            let other = try await scene.elsewhere(address)
            try await other.must("backups", "verify", "latest", "--remote", "usb")
            try await other.must("restore", "dev", "--from", "usb/latest", "--yes")
            #expect(try other.rows(other.kecsctl.home) == 3)
        }
    }
}
