// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What a remote has already is not sent again.
@Suite(.serialized, .enabled(if: RemoteScene.hasRclone, RemoteScene.reason)) struct RemoteReuseTests {
    /// An object store of 6 MB in 120 objects, of which each backup is cut into segments.
    private func fill(_ scene: RemoteScene) async throws {
        try await scene.must("config", "set", "segmentsFrom", "1MiB")
        for number in 0..<120 { try write(number, scene) }
        // What was written a moment ago could be written again without a trace in its times.
        try await Task.sleep(for: .seconds(2.1))
    }

    private func write(_ number: Int, _ scene: RemoteScene) throws {
        let file = scene.kecsctl.home.appending("instances/dev/minio-data/bucket/o\(number)/xl.meta")
        try file.removingLastComponent().createFolder()
        var random = SystemRandomNumberGenerator()
        try file.replaceContents((0..<50_000).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    /// One object of 120 is another one, and there is one more, so that segments are numbered anew.
    private func change(_ scene: RemoteScene) async throws {
        try write(60, scene)
        try write(601, scene)
        try await Task.sleep(for: .seconds(2.1))
    }

    private func copied(_ scene: RemoteScene) async throws -> (id: String, copy: JSONValue) {
        let answer = try await scene.must("backup", "dev", "--copy-to", "usb", "-o", "json").first()
        let id = try #require(answer["backup"]?["id"]?.string)
        return (id, try #require(answer["copies"]?.array?.first))
    }

    private func expectReused(_ copy: JSONValue, at place: SourceLocation = #_sourceLocation) throws {
        let bytes = try #require(copy["bytes"]?.integer)
        let sent = try #require(copy["sentBytes"]?.integer)
        #expect(bytes > 5_000_000, sourceLocation: place)
        #expect(sent < bytes / 4, "\(sent) of \(bytes)", sourceLocation: place)
        #expect(copy["reusedBytes"]?.integer == bytes - sent, sourceLocation: place)
    }

    @Test func `a folder: what did not change gets a second name, and needs no other copy`() async throws {
        try await RemoteScene.with { scene in
            try await fill(scene)
            let (first, whole) = try await copied(scene)
            #expect(whole["reusedBytes"] == 0 && whole["sentBytes"] == whole["bytes"])
            try await change(scene)
            let (second, copy) = try await copied(scene)
            try expectReused(copy)
            func inodes(_ id: String) throws -> Set<UInt64> {
                let folder = scene.folder.appending("\(id)/minio")
                return Set(try folder.entries().compactMap { try FileStatus.of(folder.appending($0))?.inode })
            }
            #expect(try inodes(first).intersection(inodes(second)).count > 5)
            // Linked files were read back with the copy that they came from, and no later.
            let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json").items()
            #expect(list.count == 2 && list[0]["verifiedAt"] == list[1]["verifiedAt"], "\(list)")
            try await scene.must("backups", "verify", "--all", "--remote", "usb")

            try scene.folder.appending(first).removeTree()
            let other = try await scene.elsewhere()
            try await other.must("backups", "verify", second, "--remote", "usb", "--instance", "dev")
            try await other.must("restore", "dev", "--from", "usb/\(second)", "--yes")
            let object = "instances/dev/minio-data/bucket/o601/xl.meta"
            #expect(
                try other.kecsctl.home.appending(object).contents()
                    == scene.kecsctl.home.appending(object).contents())
        }
    }

    @Test func `what is rotten in the copy before is not taken over once its reading is too old`()
        async throws
    {
        try await RemoteScene.with { scene in
            try await fill(scene)
            let (first, _) = try await copied(scene)
            let segments = scene.folder.appending("\(first)/minio")
            let rotten = try #require(try segments.entries().first { $0.string.hasSuffix(".tar.gz") })
            var bytes = try segments.appending(rotten).contents()
            bytes[bytes.count / 2] ^= 1
            try segments.appending(rotten).replaceContents(bytes)
            try await scene.must("config", "set", "verifyAge", "1s")
            try await change(scene)
            let (second, _) = try await copied(scene)
            try await scene.elsewhere().must(
                "backups", "verify", second, "--remote", "usb", "--instance", "dev")
        }
    }

    @Test func `S3: what went over the line is about what changed`() async throws {
        try await withTemporaryFolder { folder in
            try await RemoteServer.withS3(in: folder) { environment, line in
                try await RemoteScene.with(address: "box:copies", environment: environment) { scene in
                    try await fill(scene)
                    let (_, whole) = try await copied(scene)
                    let bytes = try #require(whole["bytes"]?.integer)
                    let first = try line.sent
                    #expect(first > Int(bytes))
                    try await change(scene)
                    let (second, copy) = try await copied(scene)
                    try expectReused(copy)
                    let more = try line.sent - first
                    #expect(more < Int(bytes) / 4, "\(more) bytes went there, of \(bytes)")
                    try await scene.must("backups", "verify", "--all", "--remote", "usb")
                    let other = try await scene.elsewhere("box:copies")
                    try await other.must("restore", "dev", "--from", "usb/\(second)", "--yes")
                    #expect(try other.rows(other.kecsctl.home) == 3)
                }
            }
        }
    }

    @Test func `a bucket that keeps what was written holds copies, and what it keeps is told`() async throws {
        try await withTemporaryFolder { folder in
            try await RemoteServer.withS3(in: folder) { environment, line in
                let made = try Python.run([
                    "-c",
                    """
                    import boto3
                    s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:\(line.target)", region_name="us-east-1",
                        aws_access_key_id="testing", aws_secret_access_key="testing")
                    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
                    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
                    s3.put_object_lock_configuration(Bucket="locked",
                        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
                    """,
                ])
                try #require(made.status == 0, "\(made.output)")
                try await RemoteScene.with(
                    address: "box:locked", settings: ["--keep", "1"], environment: environment
                ) { scene in
                    try await scene.must("remote", "test", "usb")
                    try await fill(scene)
                    let (first, _) = try await copied(scene)
                    try await change(scene)
                    // One that lets nobody remove anything, too.
                    try line.refuse("DELETE")
                    let told = try await scene.must("remote", "test", "usb")
                    #expect(told.errors.contains("refuses to remove"), "\(told.errors)")
                    let (second, copy) = try await copied(scene)
                    // moto copies nothing into a bucket with a lock by itself: then all is sent.
                    #expect(copy["reusedBytes"] == 0 && copy["sentBytes"] == copy["bytes"], "\(copy)")
                    #expect(copy["pruned"]?.array == [])
                    let refused = try #require(copy["refused"]?.array?.first?.string)
                    #expect(refused.contains(first) && refused.contains("refuses to remove it"), "\(refused)")
                    let list = try await scene.must("backups", "list", "--remote", "usb", "-o", "json")
                        .items()
                    #expect(list.map { $0["id"]?.string } == [second, first])
                    #expect(
                        list.allSatisfy { $0["state"] == "complete" && $0["verifiedAt"] != nil }, "\(list)")
                    let prune = try await scene.must(
                        "backups", "prune", "dev", "--remote", "usb", "-o", "json")
                    #expect(try prune.items().allSatisfy { $0["verdict"] == "keep" })
                    let other = try await scene.elsewhere("box:locked")
                    try await other.must("restore", "dev", "--from", "usb/\(first)", "--yes")
                }
            }
        }
    }
}
