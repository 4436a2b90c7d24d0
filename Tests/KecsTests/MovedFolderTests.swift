// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs

@Suite struct MovedFolderTests {
    private let moved = MovedFolder(from: "/h/instances/dev", to: "/h/instances/shop")

    @Test(arguments: [
        ("/h/instances/dev", "/h/instances/shop"), ("/h/instances/dev/data", "/h/instances/shop/data"),
        ("/h/instances/dev-2/data", "/h/instances/dev-2/data"), ("/x/h/instances/dev", "/x/h/instances/dev"),
        ("/h/instances/dev/a.yml:/h/instances/dev/b.yml", "/h/instances/shop/a.yml:/h/instances/shop/b.yml"),
        (
            "s --data='/h/instances/dev' -x /h/instances/dev.old",
            "s --data='/h/instances/shop' -x /h/instances/dev.old"
        ),
        ("nothing of it", "nothing of it"), ("", ""), ("ä /h/instances/dev/ö", "ä /h/instances/shop/ö"),
    ])
    func `whole paths change in a text, and nothing else`(text: String, expected: String) {
        #expect(moved.text(text) == expected)
        #expect(moved.value(.string(text)) == .string(expected))
        #expect(moved.value(.integer(5)) == .integer(5))
    }

    @Test func `paths below the folder change`() {
        #expect(moved.path("/h/instances/dev/.previous/x") == "/h/instances/shop/.previous/x")
        #expect(moved.path("/h/instances/dev") == "/h/instances/shop")
        #expect(moved.path("/h/instances/dev2") == "/h/instances/dev2")
        #expect(moved.path("/srv/data") == "/srv/data")
    }
}
