// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// A folder for one test, gone with the value.
final class ScratchFolder {
    let path: FilePath

    init() throws {
        var name = Array("/tmp/kecs-state-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw FileError.last("create a folder like", "/tmp/kecs-state") }
        path = FilePath(platformString: name)
    }

    deinit {
        if let names = try? path.entries() {
            for name in names { _ = path.appending(name).withPlatformString { unlink($0) } }
        }
        _ = path.withPlatformString { rmdir($0) }
    }

    subscript(name: String) -> FilePath { path.appending(name) }
}

/// The sample states of Tests/Fixtures/kecs.
enum SampleState: String, CaseIterable {
    case a = "a_single_nginx"
    case b = "b_multi_container_alb"
    case c = "c_mixed_edge_cases"

    static let fixtures = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures").appending("kecs")

    func load(into path: FilePath) throws -> StateDatabase {
        let state = try StateDatabase.create(path, at: Moment(seconds: 0))
        let sql = try Self.fixtures.appending("\(rawValue).sql").contents()
        try state.database.executeScript(String(decoding: sql, as: UTF8.self))
        return state
    }

    func records() throws -> StateRecords {
        let folder = try ScratchFolder()
        return try load(into: folder["kecs.db"]).allRecords()
    }
}
