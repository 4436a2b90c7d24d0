// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Drills of copies, and starts from them.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteDrillTests {
    @Test func `a copy is drilled, and a start fetches one among the backups here`() async throws {
        try await RemoteScene.with { scene in
            let id = try await scene.backUp("--copy-to", "usb")
            let passed = try await scene.must("backups", "drill", "dev", "--from", "usb/latest", "-o", "json")
            let report = try passed.first()
            #expect(report["remote"] == "usb" && report["passed"] == .bool(true), "\(report)")
            let list = try await scene.must("backups", "list", "dev", "-o", "json").first()
            #expect(list["drill"]?["passed"] == .bool(true), "the same bytes as here: \(list)")
            #expect(try !scene.kecsctl.home.entries().contains { $0.string.contains("drill") })

            // Elsewhere nothing of it is here: neither instance nor backup.
            let other = try await scene.elsewhere()
            let dry = try await other.must(
                "start", "dev", "--restore", "usb/latest", "--runtime", "local", "--dry-run")
            #expect(dry.output.contains("usb/dev/\(id)"), "\(dry.output)")
            #expect(try !other.kecsctl.home.appending("backups/dev/\(id)").isPresent)
            try await other.must("start", "dev", "--restore", "usb/latest", "--runtime", "local")
            #expect(try other.rows(other.kecsctl.home) == 3)
            let here = try await other.must("backups", "list", "dev", "-o", "json").items()
            #expect(here.map { $0["id"]?.string } == [id])
            try await other.must("backups", "drill", "dev", "--from", "usb/latest")
            // A second time nothing is fetched, and one that is not there changes nothing.
            try scene.folder.appending("\(id)/data.tar.gz").remove()
            let missing = try await other.kecsctl("start", "dev", "--restore", "usb/latest")
            #expect(missing.status == 10, "\(missing.errors)")
            #expect(try other.rows(other.kecsctl.home) == 3)
        }
    }

    @Test func `a copy that fails its drill is no good one, and the backup here stays one`() async throws {
        try await RemoteScene.with { scene in
            let id = try await scene.backUp("--copy-to", "usb")
            let archive = scene.folder.appending("\(id)/data.tar.gz")
            var bytes = try archive.contents()
            bytes[bytes.count / 2] ^= 1
            try archive.replaceContents(bytes)
            let failed = try await scene.kecsctl(
                "backups", "drill", "dev", "--from", "usb/\(id)", "-o", "json")
            #expect(failed.status == 13, "\(failed.errors)")
            #expect(try failed.first()["problems"]?.array?.first?["kind"] == "damaged")
            let evidence = try #require(try failed.first()["evidence"]?.string)
            #expect(String(decoding: try FilePath(evidence).contents(), as: UTF8.self).contains("\"usb\""))
            #expect(try await scene.kecsctl("check", "dev", "--remote", "usb").status == 20)
            let list = try await scene.must("backups", "list", "dev", "-o", "json").first()
            #expect(list["good"] == .bool(true), "\(list)")
            // Its next copy makes it whole.
            try await scene.must("backups", "copy", "dev/\(id)", "--to", "usb")
            try await scene.must("backups", "drill", "dev", "--from", "usb/\(id)")
            try await scene.must("check", "dev", "--remote", "usb")
        }
    }
}
