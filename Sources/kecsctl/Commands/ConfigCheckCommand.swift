// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct ConfigCheckCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check kecsctl.json and every instance's config.json: unknown settings and wrong values.")

    static let help = CommandHelp(
        ExitStatus.common.union([10]),
        .init("kecsctl config check", "all files; status 64 when a setting is wrong"),
        .init("kecsctl config check -o json", "the same for a script"))

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let listing = Session.Listing<SettingProblem>(
            kind: "SettingProblemList",
            table: { items, width in
                Table(
                    header: ["FILE", "PROBLEM", "WHY"], rows: items.map { [$0.file, $0.message, $0.cause] }
                ).text(width: width)
            }, name: \.file, nothing: "every setting is known and has a value that makes sense",
            status: { _ in Failure.Kind.usage.rawValue })
        return await session.list(listing) { try CheckSettings(site: session.site).run() }
    }
}
