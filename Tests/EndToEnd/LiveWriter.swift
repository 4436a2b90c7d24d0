// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import Synchronization
import SystemPackage

/// A writer that moves money between accounts, so many times a second, each time in one transaction: the sum never
/// changes. It runs on a thread of its own; kecsctl is another process.
final class LiveWriter: Sendable {
    static let sum: Int64 = 1_000_000

    struct Result: Sendable {
        var transactions = 0
        var failures: [String] = []
        var longestStall = Duration.zero
    }

    private let result = Mutex(Result())
    private let stops = Atomic<Bool>(false)
    private let thread = Mutex<Threads.Joinable?>(nil)

    /// Makes the table when it is missing: 1,000 accounts that hold `sum` together, and `padding` bytes beside.
    static func prepare(_ file: FilePath, journalMode: String, padding: Int = 0) throws {
        let database = try SQLiteDatabase(file, .create)
        _ = try database.query("PRAGMA journal_mode = \(journalMode)")
        try database.execute(
            "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")
        try database.execute("CREATE TABLE IF NOT EXISTS padding (id INTEGER PRIMARY KEY, body BLOB)")
        try database.transaction {
            for id in 0..<1000 {
                try database.execute(
                    "INSERT OR IGNORE INTO account VALUES (?, ?)", .integer(Int64(id)), .integer(1000))
            }
            for _ in 0..<(padding / 100_000) {
                try database.execute("INSERT INTO padding (body) VALUES (randomblob(100000))")
            }
        }
    }

    static func sum(of file: FilePath) throws -> Int64? {
        try SQLiteDatabase(file, .readOnly).value("SELECT sum(amount) FROM account")?.integer
    }

    init(_ file: FilePath, perSecond: Int) throws {
        let started = try Threads.joinable(name: "writer") { [self] in work(file, perSecond) }
        thread.withLock { $0 = started }
    }

    private func work(_ file: FilePath, _ perSecond: Int) {
        let clock = SystemClock()
        do {
            let database = try SQLiteDatabase(file, .readWrite)
            var random = SystemRandomNumberGenerator()
            while !stops.load(ordering: .relaxed) {
                let began = clock.elapsed()
                let from = Int64.random(in: 0..<1000, using: &random)
                let to = Int64.random(in: 0..<1000, using: &random)
                do {
                    try database.transaction {
                        try database.execute(
                            "UPDATE account SET amount = amount - 1 WHERE id = ?", .integer(from))
                        try database.execute(
                            "UPDATE account SET amount = amount + 1 WHERE id = ?", .integer(to))
                    }
                    let took = clock.elapsed() - began
                    result.withLock {
                        $0.transactions += 1
                        $0.longestStall = max($0.longestStall, took)
                    }
                } catch {
                    result.withLock { $0.failures.append("\(error)") }
                }
                let rest = Duration.seconds(1) / perSecond - (clock.elapsed() - began)
                if rest > .zero { usleep(UInt32(rest.components.attoseconds / 1_000_000_000_000)) }
            }
        } catch {
            result.withLock { $0.failures.append("\(error)") }
        }
    }

    func stop() -> Result {
        stops.store(true, ordering: .relaxed)
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
        return result.withLock { $0 }
    }
}
