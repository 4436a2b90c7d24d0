// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Mail over SMTP with the real curl, for what backups, copies and drills have to tell.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct MailTests {
    private func notify(_ value: JSONValue, _ scene: RemoteScene) throws {
        let settings = scene.kecsctl.home.appending("kecsctl.json")
        var values = try JSONFile.read([String: JSONValue].self, from: settings)
        values["notify"] = value
        try JSONFile.write(values, to: settings)
    }

    @Test func `a failed copy, a failed drill and a lack come as mail, and no password over an open line`()
        async throws
    {
        try await RemoteScene.with { scene in
            let mails = scene.root.appending("mails")
            let tool = Python.root.appending("Tests/Tools/take-mail").string
            try await RemoteServer.serving(["/usr/bin/python3", tool, "PORT", mails.string]) { port in
                let url: JSONValue = .string("smtp://127.0.0.1:\(port)")
                let events: JSONValue = ["copy.failed", "drill.failed", "lacking"]
                try notify(["mail": ["to": ["me@example.org"], "smtp": ["url": url], "on": events]], scene)
                func read() throws -> String {
                    try mails.isPresent ? String(decoding: try mails.contents(), as: UTF8.self) : ""
                }
                let id = try await scene.backUp()
                #expect(try read() == "")
                try scene.place.removeTree()
                #expect(try await scene.kecsctl("backups", "copy", "--to", "usb").status == 14)
                #expect(try read().contains("RCPT TO:<me@example.org>"))
                #expect(try read().contains("Subject: a backup of dev was not copied to usb"))

                let archive = scene.store.appending("\(id)/data.tar.gz")
                var bytes = try archive.contents()
                bytes[bytes.count / 2] ^= 1
                try archive.replaceContents(bytes)
                #expect(try await scene.kecsctl("backups", "drill", "dev", "--from", id).status == 13)
                #expect(try read().contains("Subject: a backup of dev failed its drill"))

                try await scene.must("backups", "delete", "dev/\(id)", "--yes")
                _ = try await scene.backUp()
                try scene.kecsctl.home.appending("instances/dev/data/kecs.db").remove()
                #expect(try await scene.kecsctl("backup", "dev").status == 3)
                #expect(try read().contains("Subject: the backup of dev lacks something"))

                // The server takes no TLS: the account is not told to it.
                let password = scene.root.appending("password")
                try password.replaceContents(Array("hunter2\n".utf8), mode: 0o600)
                let smtp: JSONValue = [
                    "url": url, "user": "me", "passwordFile": .string(password.string),
                ]
                try notify(["mail": ["to": "me@example.org", "smtp": smtp, "on": ["failure"]]], scene)
                let before = try read()
                let answer = try await scene.kecsctl("backups", "drill", "dev", "--from", "20010101")
                #expect(answer.status == 10, "\(answer.errors)")
                let failed = try await scene.kecsctl("backup", "dev")
                #expect(failed.errors.contains("the mail was not sent"), "\(failed.errors)")
                #expect(!failed.errors.contains("hunter2"))
                #expect(try read() == before)
            }
        }
    }
}
