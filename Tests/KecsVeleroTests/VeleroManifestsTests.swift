// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import KecsVelero

@Suite struct VeleroManifestsTests {
    private static let folder = VeleroManifests.folder(of: "dev")

    private static func everything(_ flavour: ObjectStoreFlavour = .versitygw) -> VeleroManifests {
        VeleroManifests(
            storeFolder: folder, owner: (1000, 1000), flavour: flavour, rights: .admin, hasVolumes: true)
    }

    private static let standard = VeleroManifests(storeFolder: folder, owner: (1000, 1000))

    @Test(arguments: [("velero.json", standard.all), ("velero-everything.json", everything().all)])
    func `the manifests are the ones that were looked at`(name: String, objects: [JSONValue]) throws {
        let golden = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/velero/golden").appending(name)
        let text = String(decoding: try golden.contents(), as: UTF8.self)
        #expect(try JSONValue(parsing: text) == .array(objects))
    }

    @Test func `every image is pinned by release and digest, and every one can be replaced`() throws {
        func images(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let members):
                members.flatMap { key, member in
                    key == "image" ? [member.string ?? ""] : images(member)
                }
            case .array(let items): items.flatMap(images)
            default: []
            }
        }
        for flavour in ObjectStoreFlavour.allCases {
            let found = images(.array(Self.everything(flavour).all))
            #expect(found.count == 4)
            for image in found {
                let halves = image.split(separator: "@").map(String.init)
                #expect(
                    halves.count == 2 && halves[1].hasPrefix("sha256:") && halves[1].count == 71, "\(image)")
                let tag = halves.first?.split(separator: "/").last?.split(separator: ":").dropFirst().first
                #expect(tag != nil && tag != "latest", "\(image)")
            }
        }
        var other = Self.everything()
        other.images.server = "a"
        other.images.plugin = "b"
        other.images.store = "c"
        #expect(images(.array(other.all)).sorted() == ["a", "a", "b", "c"])
    }

    @Test func `scoped rights delete nothing outside of Velero's own namespace and are nobody else's`() throws
    {
        for object in Self.standard.foundation {
            #expect(object["roleRef"]?["name"] != "cluster-admin")
            guard object["kind"] == "ClusterRole" else { continue }
            for rule in object["rules"]?.array ?? [] {
                let verbs = rule["verbs"]?.array?.compactMap(\.string) ?? []
                #expect(!verbs.contains("*") && !verbs.contains { $0.hasPrefix("delete") }, "\(verbs)")
                #expect(!verbs.contains("impersonate") && rule["nonResourceURLs"] == nil)
            }
        }
        let bindings = Self.everything().foundation.filter { $0["kind"] == "ClusterRoleBinding" }
        #expect(bindings.map { $0["roleRef"]?["name"] } == ["cluster-admin"])
        #expect(bindings.first?["metadata"]?["labels"]?[VeleroManifests.adminLabel] == "admin")
    }

    @Test func `the store is reached from its namespace only, and never makes a folder that is not bound`() {
        let service = Self.standard.storeObjects.first
        #expect(service?["spec"]?["type"] == "ClusterIP")
        let policy = Self.standard.foundation.first { $0["kind"] == "NetworkPolicy" }
        #expect(policy?["spec"]?["ingress"]?.array?.first?["from"] == [["podSelector": [:]]])
        let pod = Self.standard.storeObjects.last?["spec"]?["template"]?["spec"]
        #expect(
            pod?["volumes"]?.array?.first?["hostPath"]
                == ["path": "/var/lib/kecs/instances/dev/minio-data", "type": "Directory"])
        #expect(pod?["securityContext"]?["runAsUser"] == 1000)
        #expect(pod?["automountServiceAccountToken"] == false)
    }

    @Test func `what the guide wants of the location stands in the file and in the object`() throws {
        let spec = Self.standard.locationObjects.first?["spec"]
        #expect(spec?["provider"] == "aws" && spec?["objectStorage"] == ["bucket": "velero"])
        #expect(
            spec?["config"]
                == [
                    "region": "minio", "s3ForcePathStyle": "true", "s3Url": "http://minio.velero.svc:9000",
                ])
        for line in [
            "provider: aws", "bucket: velero", "region: minio", "s3ForcePathStyle: \"true\"",
            "s3Url: http://minio.velero.svc:9000",
        ] { #expect(VeleroManifests.locationText.contains("  \(line)\n"), "\(line)") }
    }

    // MARK: Secrets

    @Test func `credentials are 160 random bits that only their file and their Secrets have`() throws {
        let credentials = StoreCredentials(random: (0..<28).map { UInt8($0 * 9 & 0xff) })
        let secret = credentials.secretKey.reveal()
        #expect(secret.utf8.count == 40 && secret.allSatisfy(\.isHexDigit))
        #expect(!"\(credentials)".contains(secret))
        #expect(StoreCredentials(credentials.text.reveal()) == credentials)
        let manifests = Self.standard
        #expect(!JSONValue.array(manifests.all).text().contains(secret))
        let objects = manifests.secrets(credentials)
        #expect(
            objects.map { $0["metadata"]?["name"]?.string } == ["cloud-credentials", "minio-credentials"])
        #expect(objects[1]["data"]?["secret-key"]?.string == Base64.text(Array(secret.utf8)))
    }

    @Test(arguments: [
        "", "[default]\n", "aws_access_key_id=a\naws_secret_access_key=12345678",
        "aws_access_key_id=abc\naws_secret_access_key=1234567", "aws_access_key_id=abc",
    ])
    func `credentials that no store takes are none`(text: String) {
        #expect(StoreCredentials(text) == nil)
    }

    @Test func `credentials that somebody wrote by hand are read`() {
        let read = StoreCredentials(
            "# mine\n[default]\naws_access_key_id = minio\naws_secret_access_key = a=b=c12345\r\n")
        #expect(read?.accessKey == "minio")
        #expect(read?.secretKey.reveal() == "a=b=c12345")
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")])
    func `base64 is RFC 4648's`(text: String, encoded: String) {
        #expect(Base64.text(Array(text.utf8)) == encoded)
    }
}
