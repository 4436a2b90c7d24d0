// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// Creates the state database of KECS at the newest schema, for an instance whose server does not create its own.
struct CreateDatabase: Sendable {
    let site: Site

    /// Creates the database only where there is no other: a second database next to the server's own would answer in
    /// its place.
    ///
    /// - Returns: True when it was created.
    func run(_ instance: Instance) async throws -> Bool {
        let file = try instance.databaseFile()
        guard try !file.isPresent else { return false }
        let inventory = try await site.inventory(of: instance)
        guard inventory.databases.allSatisfy({ isCopyOfDatabase($0.path) }) else { return false }
        switch inventory.primary {
        case .none: break
        case .missing(let part, let path, _):
            let spot = inventory.parts.first { $0.part.name == part }?.part.root?.appending(bytes: path)
            guard spot == file else { return false }
        case .found, .ambiguous, .inContainer, .unknown: return false
        }
        let folder = file.removingLastComponent()
        try folder.createFolder()
        // Built under another name and renamed: a kill leaves no partial schema that looks like a state.
        let draft = folder.appending(".\(InstanceFolder.databaseName).creating")
        func removeDraft() throws {
            for suffix in [""] + DatabaseEngine.sqlite.sidecarSuffixes {
                let left = draft.beside(suffix)
                if try left.isPresent { try left.remove() }
            }
        }
        try removeDraft()
        do {
            _ = try StateDatabase.create(draft, at: site.machine.clock.now())
            // The last connection that closes moves the log into the database, and reports nothing when the disk is
            // full: half of the schema would then be in a file that is not renamed with it.
            let log = draft.beside("-wal")
            if try log.isPresent {
                try SQLiteDatabase(draft, .readWrite).execute("PRAGMA wal_checkpoint(TRUNCATE)")
                guard try !log.isPresent else { throw FileError("finish the database with", log, .ioError) }
            }
            try draft.sync()
            try draft.renameWithoutReplacing(to: file)
        } catch {
            try removeDraft()
            throw error
        }
        try folder.sync()
        var config = try InstanceConfig.read(instance.folder.config)
        config.madeDatabase = InstanceFolder.databaseName
        try config.write(to: instance.folder.config)
        return true
    }
}
