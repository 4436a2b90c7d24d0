// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Before there is a backup, kecsctl's own word says what an instance consisted of: it made the database.
@Suite struct FirstBackupTests {
    private func withInstance(_ body: (Kecsctl, _ data: FilePath) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let data = root.appending("data")
            let started = try await kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", data.string)
            #expect(started.status == 0, "\(started.errors)")
            try await body(kecsctl, data)
        }
    }

    enum Loss: String, CaseIterable {
        case database, everything, content, folder
    }

    private func lose(_ loss: Loss, _ data: FilePath) throws {
        let database = data.appending("kecs.db")
        switch loss {
        case .database: try database.remove()
        case .everything: for name in try data.entries() { try data.appending(name).removeTree() }
        case .content: try database.replaceContents([])
        case .folder: try data.removeTree()
        }
    }

    @Test(arguments: Loss.allCases)
    func `a first backup without the database that kecsctl made is no good one`(
        loss: Loss
    ) async throws {
        try await withInstance { kecsctl, data in
            try lose(loss, data)
            for dry in [["-n"], []] {
                let backup = try await kecsctl.run(["backup", "dev"] + dry)
                #expect(backup.status == 3, "\(dry) \(backup.output)\(backup.errors)")
            }
            // Nor is the next one.
            #expect(try await kecsctl("backup", "dev").status == 3)
        }
    }

    @Test func `a first backup without it can be accepted`() async throws {
        try await withInstance { kecsctl, data in
            try lose(.database, data)
            let accepted = try await kecsctl("backup", "dev", "--accept-loss", "data/kecs.db")
            #expect(accepted.status == 0, "\(accepted.errors)")
            #expect(try await kecsctl("backup", "dev").status == 0)
        }
    }

    @Test func `a first backup with the database is a good one`() async throws {
        try await withInstance { kecsctl, data in
            #expect(try await kecsctl("backup", "dev").status == 0)
            try lose(.database, data)
            #expect(try await kecsctl("backup", "dev").status == 3)
        }
    }

    enum Damage: String, CaseIterable {
        case zeros, noise, cut, text, empty
    }

    @Test(arguments: Damage.allCases, [false, true]) func `a start stops at a database that is none any more`(
        damage: Damage, hasBackup: Bool
    ) async throws {
        try await withInstance { kecsctl, data in
            if hasBackup { #expect(try await kecsctl("backup", "dev").status == 0) }
            let file = data.appending("kecs.db")
            let whole = try file.contents()
            switch damage {
            case .zeros: try file.replaceContents([UInt8](repeating: 0, count: whole.count))
            case .noise:
                try file.replaceContents(whole.indices.map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 41) })
            case .cut: try file.replaceContents(Array(whole.dropLast(4096)))
            case .text: try file.replaceContents(Array("a text".utf8))
            case .empty:
                // With a backup it counts as lost, which has another answer.
                guard !hasBackup else { return }
                try file.replaceContents([])
            }
            let before = try file.contents()
            for dry in [["-n"], []] {
                let start = try await kecsctl.run(["start", "dev"] + dry)
                #expect(start.status == 13, "\(dry) \(start.output)\(start.errors)")
                #expect(
                    start.errors.contains("data/kecs.db") && start.errors.contains("try:"), "\(start.errors)")
            }
            #expect(try file.contents() == before)
            let goesOn = try await kecsctl("start", "dev", "--accept-loss", "data/kecs.db")
            #expect(goesOn.status == 0, "\(goesOn.errors)")
            if hasBackup {
                #expect(try await kecsctl("restore", "dev", "--from", "latest").status == 0)
                #expect(try await kecsctl("start", "dev").status == 0)
            }
        }
    }

    @Test func `a backup of a damaged database names it and its remedy`() async throws {
        try await withInstance { kecsctl, data in
            let file = data.appending("kecs.db")
            var bytes = try file.contents()
            for index in 4096..<8192 { bytes[index] = 0xA5 }
            try file.replaceContents(bytes)
            let backup = try await kecsctl("backup", "dev")
            #expect(backup.status == 13, "\(backup.errors)")
            #expect(backup.errors.contains("data/kecs.db"), "\(backup.errors)")
            #expect(backup.errors.contains("db rescue dev"), "\(backup.errors)")
            let doctor = try await kecsctl("doctor", "dev", "--check", "backup.failing")
            #expect(doctor.output.contains("db rescue dev"), "\(doctor.output)")
        }
    }

    @Test func `a file of holes needs the room of what is in it`() async throws {
        try await withInstance { kecsctl, data in
            let file = data.appending("holes")
            try file.replaceContents(Array("beginning".utf8))
            #expect(truncate(file.string, 1 << 43) == 0)
            let plan = try await kecsctl("backup", "dev", "-n")
            #expect(plan.status == 0, "\(plan.errors)")
        }
    }
}
