// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing
@testable import KecsBackups

@Suite struct ManifestDecodeTests {
    private func manifest(_ numbers: String) -> [UInt8] {
        Array(
            """
            {"format":1,"id":"20261128T220000Z-manual","instance":"dev","instanceId":"u","reason":"manual",
            "createdAt":"2026-11-28T22:00:00Z","tool":{"name":"k","version":"1"},"runtime":{"kind":"local","versions":{}},
            "degraded":false,"labels":{},"verified":true,"sequence":1,"parts":[{"name":"data","file":"data.tar.gz","root":"data",
            "compression":"fast",\(numbers),"sha256":"","consistency":"live","fingerprint":"","databases":[],"warnings":[]}]}
            """.utf8)
    }

    @Test(arguments: [
        #""bytes":9223372036854775807,"sourceBytes":1,"entries":1"#,
        #""bytes":1,"sourceBytes":9223372036854775807,"entries":1"#,
        #""bytes":1,"sourceBytes":1,"entries":9223372036854775807"#,
        #""bytes":-1,"sourceBytes":1,"entries":1"#,
        #""bytes":1,"sourceBytes":1,"entries":-1"#,
    ])
    func `a number that cannot be is damage, and is named`(numbers: String) throws {
        let error = #expect(throws: JSONFileError.self) {
            try Manifest.decode(manifest(numbers), at: "manifest.json")
        }
        #expect(error?.why.contains("is a number that cannot be") == true)
    }

    @Test func `the largest numbers that can be are read and added`() throws {
        let largest = Int64.largestCount
        let text = manifest("\"bytes\":\(largest),\"sourceBytes\":\(largest),\"entries\":\(largest)")
        let manifest = try Manifest.decode(text, at: "manifest.json")
        #expect(manifest.bytes == largest && manifest.parts[0].roomNeeded.bytes == .max)
    }

    @Test func `the holes of sparse files need no room, whatever a manifest says of them`() throws {
        func room(_ numbers: String) throws -> Int64 {
            try Manifest.decode(manifest(numbers), at: "manifest.json").parts[0].roomNeeded.bytes
        }
        let size = #""bytes":1,"sourceBytes":1000000,"entries":1"#
        #expect(try room(size) == 1_002_304)
        #expect(try room(size + #","dataBytes":4096"#) == 6_400)
        #expect(try room(size + #","dataBytes":2000000"#) == 1_002_304)
        #expect(throws: JSONFileError.self) { try room(size + #","dataBytes":-1"#) }
    }
}
