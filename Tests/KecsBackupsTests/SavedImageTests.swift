// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import Testing

@Suite struct SavedImageTests {
    @Test(arguments: [
        ("images/kecs_1-0123456789ab.tar", true), ("images/../../data.tar", false), ("/etc/x.tar", false),
        ("images/.hidden.tar", false), ("images/a/b.tar", false), ("images/", false), ("x.tar", false),
        ("images/a.tar.gz", false),
    ])
    func `a manifest from elsewhere leads to no file outside the folder of images`(file: String, isIn: Bool) {
        #expect(Manifest.SavedImage(file: file, bytes: 1, sha256: "").isInItsFolder == isIn)
    }
}
