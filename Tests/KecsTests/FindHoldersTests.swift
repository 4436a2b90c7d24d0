// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs

@Suite struct FindHoldersTests {
    @Test func `processes that cannot be seen are named, with what it takes to see them`() throws {
        #expect(FindHolders.sentence(unseen: [], isRoot: true) == nil)
        let own = try FilePath("/proc/self/comm").contents().dropLast()
        #expect(
            FindHolders.sentence(unseen: [getpid()], isRoot: false)
                == "cannot see which files process \(getpid()) (\(String(decoding: own, as: UTF8.self))) has open; root can"
        )
        // One that has ended meanwhile: no process has a number below 1.
        #expect(
            FindHolders.sentence(unseen: [-1, -2], isRoot: true)
                == "cannot see which files processes -1, -2 have open; root needs CAP_SYS_PTRACE for it")
        #expect(
            FindHolders.sentence(unseen: [-1, -2, -3, -4], isRoot: false)
                == "cannot see which files 4 processes have open; root can")
    }
}
