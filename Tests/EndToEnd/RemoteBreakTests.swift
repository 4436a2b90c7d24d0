// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Lines that break and disks that are full on the other side leave nothing that looks like a copy and is none.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteBreakTests {
    @Test func `S3`() async throws {
        try await withTemporaryFolder { folder in
            try await RemoteServer.withS3(in: folder) { environment, line in
                try await expectCut("box:copies", environment, line)
            }
        }
    }

    @Test func `WebDAV`() async throws {
        try await withTemporaryFolder { folder in
            try await withWebDAV(of: folder.appending("there"), in: folder) { environment, line in
                try await expectCut("box:kecs", environment, line)
            }
        }
    }

    @Test(
        .enabled(if: access("/usr/sbin/sshd", X_OK) == 0, "openssh-server is missing"),
        .enabled(if: geteuid() == 0, "only root can run an sshd"))
    func `ssh`() async throws {
        try await withTemporaryFolder { folder in
            try await RemoteServer.withSSHD(in: folder) { port in
                try await RemoteServer.withLine(in: folder, to: port) { line, through in
                    try RemoteServer.trust(through, in: folder)
                    let address = "ssh://root@127.0.0.1:\(through)\(folder.appending("there"))"
                    try await expectCut(address, ["HOME": folder.string], line)
                }
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can mount"))
    func `a full disk behind WebDAV`() async throws {
        try await withTemporaryFolder { folder in
            let there = folder.appending("there")
            try there.createFolder()
            try #require(mount("tmpfs", there.string, "tmpfs", 0, "size=4m") == 0)
            defer { umount2(there.string, Int32(MNT_DETACH)) }
            try await withWebDAV(of: there, in: folder) { environment, _ in
                try await RemoteScene.with(address: "box:kecs", environment: impatient(environment)) {
                    scene in
                    try fill(scene)
                    let answer = try await scene.kecsctl("backup", "dev", "--copy-to", "usb", "-o", "json")
                    #expect(answer.status == 3, "\(answer.errors)")
                    #expect(try answer.first()["backup"]?["good"] == .bool(true))
                    let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json")
                        .items()
                    #expect(
                        list.allSatisfy { $0["state"] == "incomplete" && $0["verifiedAt"] == nil }, "\(list)")
                    #expect(try await scene.kecsctl("check", "dev", "--remote", "usb").status == 20)
                }
            }
        }
    }

    // MARK: What each must do

    /// By itself rclone tries for minutes.
    private func impatient(_ environment: [String: String]) -> [String: String] {
        environment.merging(["RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1"]) { $1 }
    }

    /// Six megabytes, in many archives.
    private func fill(_ scene: RemoteScene) throws {
        let objects = scene.kecsctl.home.appending("instances/dev/minio-data/bucket")
        var random = SystemRandomNumberGenerator()
        for number in 0..<120 {
            let file = objects.appending("o\(number)/xl.meta")
            try file.removingLastComponent().createFolder()
            try file.replaceContents(
                (0..<50_000).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        }
    }

    private func expectCut(
        _ address: String, _ environment: [String: String], _ line: RemoteServer.Line
    ) async throws {
        var random = CampaignSeed("RemoteBreakTests \(address.prefix(4))")
        try await RemoteScene.with(address: address, environment: impatient(environment)) { scene in
            try await scene.must("config", "set", "segmentsFrom", "1MiB")
            try fill(scene)
            let id = try await scene.backUp()
            for _ in 0..<Rounds.count(ci: 5, full: 40) {
                try line.cut(after: Int.random(in: 0...8_000_000, using: &random))
                let answer = try await scene.kecsctl("backups", "copy", "--to", "usb")
                #expect(answer.status == 0 || answer.status == 14, "\(answer.status) \(answer.errors)")
                try line.mend()
                let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
                let isWhole = list.contains { $0["state"] == "complete" }
                #expect(answer.status != 0 || isWhole)
                #expect(list.allSatisfy { isWhole || $0["state"] == "incomplete" }, "\(list)")
                #expect(list.allSatisfy { isWhole || $0["verifiedAt"] == nil })
            }
            try await scene.must("backups", "copy", "--to", "usb")
            let other = try await scene.elsewhere(address)
            try await other.must("backups", "verify", id, "--remote", "usb", "--instance", "dev")
            let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(list.count == 1 && list[0]["verifiedAt"] != nil, "\(list)")
        }
    }

    private func withWebDAV(
        of there: FilePath, in folder: FilePath,
        _ body: ([String: String], RemoteServer.Line) async throws -> Void
    ) async throws {
        try there.createFolder()
        let words = [
            "/usr/bin/rclone", "serve", "webdav", there.string, "--addr", "127.0.0.1:PORT", "--config",
            "/dev/null",
        ]
        try await RemoteServer.serving(words) { port in
            try await RemoteServer.withLine(in: folder, to: port) { line, through in
                let environment = try RemoteServer.config(
                    "type = webdav\nurl = http://127.0.0.1:\(through)\nvendor = other", in: folder)
                try await body(environment, line)
            }
        }
    }
}
