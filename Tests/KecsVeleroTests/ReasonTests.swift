// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage
import Testing

@testable import KecsVelero

/// What stands behind Velero's words: of each sample object that says something, and of each sentence in the threads.
@Suite struct ReasonTests {
    private static let objects = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/velero/objects")

    private static let samples: [(String, String, String)] = [
        ("bsl/03-unavailable-no-bucket", "message", "the bucket is gone"),
        ("bsl/04-unavailable-refused", "message", "the object store does not answer"),
        ("bsl/05-unavailable-foreign-dir", "message", "a folder at the root of the bucket is not Velero's"),
        ("bsl/06-unavailable-no-plugin", "message", "Velero has no plugin"),
        ("backup/15-failed-exists", "failureReason", "the store has a backup of that name already"),
        ("backup/16-failed-server-restart", "failureReason", "Velero was started again"),
        (
            "restore/02-failed-validation-no-backup", "validationErrors",
            "Velero has not read its object store"
        ),
        ("restore/13-failed-server-restart", "failureReason", "Velero was started again"),
    ]

    @Test(arguments: samples)
    func `a sample object's own words are explained, and stand there too`(
        file: String, field: String, meaning: String
    ) throws {
        let bytes = try Self.objects.pushing(FilePath("\(file).json")).contents()
        let status = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))["status"]
        let words = try #require(status?[field]?.string ?? status?[field]?.array?.first?.string)
        let told = VeleroReason.translated(words)
        #expect(told.hasPrefix(meaning), "\(told)")
        #expect(told.contains(words))
    }

    private static let sentences: [(String, String)] = [
        ("api error XMinioStorageFull: Storage backend has reached", "disk"),
        ("write /data: no space left on device", "disk"),
        ("api error InvalidAccessKeyId: The Access Key Id", "credentials"),
        ("api error SignatureDoesNotMatch: The request", "credentials"),
        ("NoCredentialProviders: no valid providers in chain", "no credentials"),
        ("api error AccessDenied: Access Denied", "does not let"),
        ("api error XAmzContentSHA256Mismatch: The provided", "checksum of uploads"),
        ("gzip: invalid header", "envelope"),
        ("backup storage location default is currently in read-only mode", "reading only"),
        (#"Service "a" is invalid: Invalid value: 30080: provided port is already allocated"#, "node port"),
        (#"Internal error occurred: failed calling webhook "x": no endpoints available"#, "webhook"),
        ("path is mounted on / but it is not a shared or slave mount", "shared mounts"),
        ("daemonset pod not found in running state in node k3d-0", "node agent"),
        ("error connecting to repo: repository not initialized in the provided storage", "not in this store"),
        ("invalid repository password", "another password"),
        (#"strict decoding error: unknown field "status.queuePosition""#, "older than Velero"),
        (#"Unsupported value: "Queued": supported values: "New""#, "older than Velero"),
        ("the server could not find the requested resource", "its Kubernetes is another"),
        (#"no matches for kind "Ingress" in version "extensions/v1beta1""#, "its Kubernetes is another"),
        (#"roles.rbac.authorization.k8s.io "a" is forbidden: user"#, "veleroRights"),
        ("dial tcp: lookup minio.velero.svc on 10.43.0.10:53: no such host", "s3Url"),
        ("S3: GetObject, https response error StatusCode: 404, NoSuchKey", "a file of it"),
        ("backup can't be created because BackupStorageLocation a is in Unavailable status.", "location"),
        ("The BSL default is unavailable, cannot retrieve the backup", "location"),
        ("dial tcp 10.43.12.7:9000: connect: connection refused", "does not answer"),
    ]

    @Test(arguments: sentences)
    func `a sentence of the libraries below has its meaning`(words: String, meaning: String) {
        #expect(
            VeleroReason.of(words)?.meaning.contains(meaning) == true, "\(VeleroReason.translated(words))")
    }

    @Test func `what is not known is told as it is`() {
        #expect(VeleroReason.translated("something new") == "something new")
    }

    @Test func `every reason has its sentence here`() {
        let samples = Self.sentences.map(\.0)
        let fromObjects = [
            "during the server starting", "NoSuchBucket", "invalid top-level directories",
            "unable to locate ObjectStore plugin", "already exists in object storage",
            "Error retrieving backup", "repository is not initialized",
        ]
        let unseen = VeleroReason.known.map(\.text).filter { text in
            !fromObjects.contains(text)
                && !samples.contains { $0.lowercased().contains(text.lowercased()) }
        }
        #expect(unseen == [])
    }

    @Test func `a release is two numbers of what a server calls itself`() {
        #expect(VeleroBackup.release("v1.35.5+k3s1") == "1.35")
        for text in ["", "1.35", "v1", "vx.y", "v1.", "v.1"] { #expect(VeleroBackup.release(text) == nil) }
    }
}
