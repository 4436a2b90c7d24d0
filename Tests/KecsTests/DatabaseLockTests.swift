// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct DatabaseLockTests {
    private static let table = """
        1: POSIX  ADVISORY  READ 300 fd:01:4711 1073741826 1073742335
        2: POSIX  ADVISORY  WRITE 400 fd:01:4712 120 120
        2: -> POSIX  ADVISORY  WRITE 500 fd:01:4712 120 120
        3: FLOCK  ADVISORY  WRITE 600 fd:01:99 0 EOF
        """

    @Test(arguments: [
        ([4711], 300, false), ([4711, 4712], 400, true), ([99], 600, true),
    ])
    func `a writer comes before readers, and who waits holds nothing`(
        inodes: [UInt64], pid: Int32, isWriter: Bool
    ) {
        let found = DatabaseLock.holder(ofInodes: Set(inodes), in: Self.table, besides: 1)
        #expect(found == DatabaseLock(pid: pid, isWriter: isWriter))
    }

    @Test func `nobody is named who is not in the table, nor this process`() {
        #expect(DatabaseLock.holder(ofInodes: [5], in: Self.table, besides: 1) == nil)
        #expect(DatabaseLock.holder(ofInodes: [99], in: Self.table, besides: 600) == nil)
        #expect(DatabaseLock(pid: 0, isWriter: true).title == "a process of another container")
    }
}
