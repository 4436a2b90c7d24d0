// SPDX-License-Identifier: Apache-2.0
import Kecs
import Testing

@Suite struct InstanceNameTests {
    @Test(arguments: ["a", "0", "dev", "my-app-2", "abcdefghijklmnopqrstuvwxyz0"])
    func `good names`(text: String) {
        #expect(InstanceName(text)?.description == text)
    }

    @Test(arguments: [
        "", "-a", "a-", "A", "a_b", "a.b", "a b", "a/b", "..", ".", "../../etc", "ä", "a\n", "a\0",
        "abcdefghijklmnopqrstuvwxyz01",
    ])
    func `names that would leave the folder, or that k3d refuses`(text: String) {
        #expect(InstanceName(text) == nil)
        #expect(throws: Failure.self) { try InstanceName(checking: text) }
    }
}
