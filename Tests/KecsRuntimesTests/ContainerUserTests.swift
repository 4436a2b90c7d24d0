// SPDX-License-Identifier: Apache-2.0
import Kecs
import Testing

@testable import KecsRuntimes

@Suite struct ContainerUserTests {
    private let passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:2002::/app:/bin/sh\n"
    private let groups = "root:x:0:\nstaff:x:50:app\n"

    @Test(arguments: [
        ("", ServerUser(user: 0, group: 0, name: "root")),
        ("app", ServerUser(user: 1001, group: 2002, name: "app")),
        ("1001", ServerUser(user: 1001, group: 2002, name: "app")),
        ("1001:1001", ServerUser(user: 1001, group: 1001, name: "app")),
        ("app:staff", ServerUser(user: 1001, group: 50, name: "app")),
        ("4711", ServerUser(user: 4711, group: 0, name: nil)),
        ("65532:65532", ServerUser(user: 65532, group: 65532, name: nil)),
    ])
    func `names and groups are those of the image's own passwd`(text: String, expected: ServerUser) {
        #expect(ContainerUser(text: text).resolved(passwd: passwd, group: groups) == expected)
    }

    @Test func `a name that cannot be looked up is nobody`() {
        #expect(ContainerUser(text: "app").resolved(passwd: nil, group: nil) == nil)
        #expect(ContainerUser(text: "ghost").resolved(passwd: passwd, group: groups) == nil)
        #expect(ContainerUser(text: "app:ghosts").resolved(passwd: passwd, group: groups) == nil)
        #expect(
            ContainerUser(text: "").resolved(passwd: nil, group: nil)
                == ServerUser(user: 0, group: 0, name: "root"))
    }
}
