// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage
import Testing

@Suite struct StateDatabaseTests {
    let folder: ScratchFolder
    let path: FilePath

    init() throws {
        folder = try ScratchFolder()
        path = folder["kecs.db"]
    }

    @Test func `a new database is ours, of the newest schema, in WAL mode and private`() throws {
        let state = try StateDatabase.create(path, at: Moment(seconds: 1))
        #expect(try state.database.value("PRAGMA application_id") == 0x4B45_4353)
        #expect(try state.database.value("PRAGMA user_version") == .integer(SchemaHistory.kecs.newest))
        #expect(try state.database.usesWAL())
        #expect(try state.database.value("PRAGMA foreign_keys") == 1)
        #expect(try FileStatus.of(path)?.mode == 0o600)
        let applied = try Migration().applied(in: state.database)
        #expect(applied.map(\.name) == ["initial"])
        #expect(applied.first?.appliedAt == "1970-01-01T00:00:01Z")
        #expect(applied.first?.checksum.count == 64)
    }

    @Test func `creating twice changes nothing, and opening needs a database`() throws {
        _ = try SampleState.a.load(into: path)
        let again = try StateDatabase.create(path, at: Moment(seconds: 99))
        #expect(try again.clusters().map(\.name) == ["single-task-nginx"])
        #expect(try StateDatabase.open(path, .readOnly).clusters().count == 1)
        #expect(throws: SQLiteError.self) { try StateDatabase.open(folder["none"]) }
    }

    @Test func `what a killed creation leaves is completed`() throws {
        try path.replaceContents([])
        _ = try StateDatabase.create(path, at: Moment(seconds: 0))
        let half = folder["half.db"]
        try SQLiteDatabase(half, .create).execute("PRAGMA application_id = \(StateDatabase.applicationID)")
        #expect(throws: StateError.older(half, version: 0, newest: SchemaHistory.kecs.newest)) {
            try StateDatabase.open(half)
        }
        #expect(try StateDatabase.create(half, at: Moment(seconds: 0)).clusters() == [])
    }

    @Test func `another program's database, and a newer one, are refused and left alone`() throws {
        let other = folder["other.db"]
        try SQLiteDatabase(other, .create).executeScript("CREATE TABLE t(a); PRAGMA user_version = 1")
        let before = try other.contents()
        #expect(throws: StateError.notOurs(other, applicationID: 0)) { try StateDatabase.open(other) }
        #expect(throws: StateError.notOurs(other, applicationID: 0)) {
            try StateDatabase.create(other, at: Moment(seconds: 0))
        }
        #expect(try other.contents() == before)

        try StateDatabase.create(path, at: Moment(seconds: 0)).database.execute("PRAGMA user_version = 99")
        let newer = StateError.newer(path, version: 99, newest: SchemaHistory.kecs.newest)
        #expect(throws: newer) { try StateDatabase.open(path) }
        #expect(throws: newer) { try StateDatabase.create(path, at: Moment(seconds: 0)) }
        try SQLiteDatabase(path, .readWrite).execute("PRAGMA application_id = 1262699331")
        #expect(throws: StateError.notOurs(path, applicationID: 1_262_699_331)) {
            try StateDatabase.open(path)
        }
    }

    @Test(arguments: SampleState.allCases)
    func `every sample state loads clean`(sample: SampleState) throws {
        let state = try sample.load(into: path)
        #expect(try state.database.foreignKeyViolations() == [])
        #expect(try state.database.integrityProblems() == [])
    }

    @Test func `a row that refers to nothing, or JSON that is none, is refused`() throws {
        let state = try SampleState.a.load(into: path)
        for sql in [
            "UPDATE services SET cluster_arn = 'arn:gone'", "DELETE FROM clusters",
            "UPDATE task_definitions SET container_definitions = '{'", "UPDATE services SET tags = 'x'",
        ] {
            #expect(throws: SQLiteError.self) {
                try state.database.transaction { try state.database.execute(sql) }
            }
        }
        #expect(try state.services().count == 1)
    }
}
