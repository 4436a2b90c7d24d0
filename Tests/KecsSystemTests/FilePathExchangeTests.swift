// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct FilePathExchangeTests {
    @Test func `two folders change places`() throws {
        try withTemporaryFolder { folder in
            let (live, new) = (folder.appending("live"), folder.appending("new"))
            try live.createFolder()
            try live.appending("old").replaceContents([1])
            try new.createFolder()
            try live.exchange(with: new)
            #expect(try live.entries() == [])
            #expect(try new.entries() == ["old"])
            let absent = folder.appending("absent")
            #expect(throws: FileError("exchange with \(absent)", live, .noSuchFileOrDirectory)) {
                try live.exchange(with: absent)
            }
            #expect(try live.isFolder)
        }
    }

    @Test func `what is there is not replaced`() throws {
        try withTemporaryFolder { folder in
            let (from, target) = (folder.appending("from"), folder.appending("target"))
            try from.replaceContents([1])
            #expect(target.withPlatformString { symlink("/nowhere", $0) } == 0)
            #expect(throws: FileError("rename to \(target)", from, .fileExists)) {
                try from.renameWithoutReplacing(to: target)
            }
            try from.renameWithoutReplacing(to: folder.appending("free"))
            #expect(try folder.entries() == ["free", "target"])
        }
    }

    @Test func `a file system is synced by any path in it`() throws {
        try withTemporaryFolder { folder in
            try folder.appending("file").replaceContents([1])
            try folder.syncFileSystem()
            try folder.appending("file").syncFileSystem()
            let absent = folder.appending("absent")
            #expect(throws: FileError("open", absent, .noSuchFileOrDirectory)) { try absent.syncFileSystem() }
        }
    }
}
