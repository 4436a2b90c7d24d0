// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

@testable import Kecs
@testable import KecsRuntimes

/// What reads bytes that somebody else may have written. An error is a good answer; a trap ends the process, and with it
/// the test.
enum Decoder: String, CaseIterable {
    case manifest, mark, journal, config, settings, history, compose, tar, json, sql, words

    /// - Parameter folder: For what only reads files; it may be left full.
    func run(_ bytes: [UInt8], in folder: FilePath) throws {
        switch self {
        case .manifest:
            let manifest = try Manifest.decode(bytes, at: "manifest.json")
            _ = manifest.bytes
            _ = manifest.parts.total(\.roomNeeded.bytes)
            _ = manifest.parts.map { "\(ByteCount($0.sourceBytes)) \($0.root)" }
            _ = "\(manifest.createdAt) \(manifest.createdAt.compact)"
        case .mark:
            let mark = try JSONFile.decode(BackupMark.self, from: bytes, at: "mark.json")
            _ = mark.verification.map { "\($0.at)" }
        case .journal:
            let file = folder.appending("journal.json")
            try file.replaceContents(bytes)
            if let journal = try Journal.read(file) {
                _ = "\(journal.startedAt)"
                _ = try JSONFile.encode(journal)
            }
        case .config:
            let file = folder.appending("config.json")
            try file.replaceContents(bytes)
            let config = try InstanceConfig.read(file)
            Self.readAll(Settings(environment: [:], instance: (config.settings, file)))
        case .settings:
            let values = try JSONFile.decode([String: JSONValue].self, from: bytes, at: "kecsctl.json")
            Self.readAll(Settings(environment: [:], home: (values, "/h/kecsctl.json")))
        case .history:
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let record = try JSONDecoder().decode(HistoryRecord.self, from: Data(line))
                _ = record.succeeded(for: try InstanceName(checking: "dev"))
                _ = "\(record.at)"
                _ = record.result.masked
            }
        case .compose:
            let project = ComposeProject(try ComposeYAML.parse(bytes), named: "x")
            _ = project.dockerMounts()
        case .tar:
            let file = folder.appending("archive.tar")
            try file.replaceContents(bytes)
            _ = try checkArchive(
                file, compression: nil, threads: 1, cancellation: Cancellation(), progress: SilentProgress())
            try listArchive(file, .sums, cancellation: Cancellation()) { entry in
                _ = "\(entry.modified) \(entry.modified.compact) \(printable(entry.path))"
            }
            let target = folder.appending("unpacked")
            if try target.isPresent { try target.removeTree() }
            try target.createFolder()
            _ = try unpackArchive(
                file, into: target,
                options: UnpackOptions(
                    maxEntries: 1000, maxBytes: 1 << 20,
                    owners: .all(owner: Machine.userID, group: Machine.groupID)),
                threads: 1, cancellation: Cancellation(), progress: SilentProgress())
        case .json:
            let value = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
            _ = value.text(pretty: true)
            _ = value.masked
            _ = value["a"]?.integer
        case .sql:
            _ = splitSQL(String(decoding: bytes, as: UTF8.self))
        case .words:
            let text = String(decoding: bytes, as: UTF8.self)
            _ = text.masked
            _ = TimeSpan(text).map { "\($0) \($0.duration)" }
            _ = ByteCount(text).map { "\($0)" }
            _ = Moment(text).map { "\($0) \($0.compact)" }
            _ = BackupID(text).map { "\($0.createdAt)" }
            _ = Remedy.line(text)
            _ = NearestWord.of(text, among: ["backup", "restore"])
        }
    }

    private static func readAll(_ settings: Settings) {
        for settings in [settings, settings.known] {
            for key in SettingKey.allCases {
                do { _ = try settings.setting(key) } catch { _ = error.message }
            }
            do { _ = try settings.retention() } catch { _ = error.message }
        }
    }
}
