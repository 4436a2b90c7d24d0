// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The files of a copy that lies on the remote already and was found equal there. What a new backup shares with it need not be
/// sent again: in a folder of this machine and over ssh it gets a second name, elsewhere the remote copies it by itself where it
/// can. Either way each backup stays a folder of plain files that needs no other one.
struct ReusableFiles: Sendable {
    typealias File = CopyBackup.File

    /// How many copies are looked at until one is as it was recorded.
    private static let tries = 3

    private let rclone: Rclone
    private let abilities: Rclone.Abilities
    /// `INSTANCE/ID`
    private let folder: String
    /// When all of it was last read back.
    let verifiedAt: Moment
    /// Names by digests.
    private let names: [String: String]

    /// - Returns: Nil where there is no such copy, or the remote can do nothing with it.
    static func find(
        for id: BackupID, _ past: [BackupID: PastCopies.Copy], _ store: BackupStore, _ rclone: Rclone,
        _ abilities: Rclone.Abilities
    ) async throws -> ReusableFiles? {
        guard abilities.copies || abilities.links else { return nil }
        let candidates = past.filter { $0.key != id && $0.value.isVerified }.sorted { $0.key > $1.key }
        for (other, copy) in candidates.prefix(tries) {
            guard let verifiedAt = copy.verifiedAt else { continue }
            let here = store.folder.appending(other.description).appending(BackupStore.sumsName)
            var sums: [UInt8]?
            if try here.isPresent { sums = try here.contents(limit: BackupStore.largestRecord) }
            if sums.map({ sha256($0) }) != copy.sums {
                sums = try await rclone.contents("\(copy.path)/\(BackupStore.sumsName)")
            }
            guard let sums, sha256(sums) == copy.sums else { continue }
            var names: [String: String] = [:]
            for line in String(decoding: sums, as: UTF8.self).split(separator: "\n") {
                names[String(line.prefix(64))] = String(line.dropFirst(66))
            }
            return ReusableFiles(
                rclone: rclone, abilities: abilities, folder: copy.path, verifiedAt: verifiedAt, names: names)
        }
        return nil
    }

    private init(
        rclone: Rclone, abilities: Rclone.Abilities, folder: String, verifiedAt: Moment,
        names: [String: String]
    ) {
        self.rclone = rclone
        self.abilities = abilities
        self.folder = folder
        self.verifiedAt = verifiedAt
        self.names = names
    }

    /// Brings those of the files that are known into a folder. What that does not succeed with is sent like any other.
    ///
    /// - Returns: The names of those that are there now with their sizes.
    func bring(_ files: [File], to target: String) async throws -> Set<String> {
        let wanted = files.compactMap { file in names[file.sha256].map { (from: $0, file: file) } }
        guard !wanted.isEmpty else { return [] }
        rclone.machine.progress.step("taking what \(rclone.remote.name) has already", total: nil)
        if abilities.links {
            try await rclone.link(
                wanted.map { (from: "\(folder)/\($0.from)", to: "\(target)/\($0.file.name)") })
        } else {
            // A name that changed would take a call of its own.
            let same = wanted.filter { $0.from == $0.file.name }.map(\.file)
            for batch in SendCopy.batches(same) {
                let below = batch.folder.map { "/\($0)" } ?? ""
                guard
                    try await rclone.copyThere(
                        batch.namesInFolder, in: folder + below, to: target + below)
                else { break }
            }
        }
        let there = try await rclone.list(target) ?? [:]
        return Set(wanted.map(\.file).filter { there[$0.name] == $0.size }.map(\.name))
    }
}
