// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsArchive
import KecsBackups
import KecsRuntimes
import KecsSQLite
import KecsState
import KecsSystem

struct VersionCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Show the version, the build, the libraries and the formats that can be read.")

    static let help = CommandHelp(
        ExitStatus.common, .init("kecsctl version", "for a report of a defect"),
        .init("kecsctl version -o json", "for a script"),
        .init("kecsctl version -o name", "the number alone"))

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { true }

    func run(_ session: Session) async throws -> Int32 {
        let report = VersionReport()
        session.answer(
            Answer(
                document: ReportDocument(kind: "VersionReport", report: report),
                table: { _ in Self.text(report) },
                names: [report.version]))
        return 0
    }

    private static func text(_ report: VersionReport) -> String {
        let build = report.build
        var lines = [
            ("kecsctl", report.version), ("released", report.releasedOn),
            ("build", "\(build.configuration), Swift \(build.swift), \(build.system) \(build.architecture)"),
        ]
        lines += report.libraries.map {
            ($0.name, $0.version + ($0.told == .header ? " (by its header)" : ""))
        }
        lines += [
            ("backups", "format \(report.reads.backupFormat)"),
            ("configuration", "version \(report.reads.configurationVersion)"),
            ("state", "user_version \(report.reads.stateUserVersion)"),
            ("migrates from", "schema \(report.reads.oldestSchema) to \(report.reads.newestSchema)"),
        ]
        return lines.map { title, text in EntryText.left(title + ":", 16) + text.printable + "\n" }.joined()
    }
}

struct VersionReport: Encodable {
    var version = Version.number
    var releasedOn = Version.day
    var build = BuildFacts.own
    var libraries = LinkedLibrary.ofSQLite + LinkedLibrary.ofSystem + LinkedLibrary.ofArchive + [.yaml]
    var reads = Reads()

    /// The versions on disk that this program reads; anything newer is refused.
    struct Reads: Encodable {
        var backupFormat = Manifest.currentFormat
        var configurationVersion = InstanceConfig.currentVersion
        /// The version of a state database in use.
        var stateUserVersion = UpstreamHistory.newestUserVersion
        /// The oldest version of state databases that `migrate schema` brings to the newest.
        var oldestSchema = UpstreamHistory.earliest
        var newestSchema = UpstreamHistory.newest
    }
}
