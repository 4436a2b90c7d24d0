// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct ConfigGetCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print the value of one setting that is in force, alone on its line.",
        discussion: "A setting that has no value is an error, so that a script does not go on with nothing.")

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13]),
        .init("kecsctl config get keep", "of all instances"),
        .init("kecsctl config get apiPort dev --origin", "of one, and who set it"),
        .init("kecsctl config get exclude dev -o json", "the same as JSON"))

    @Argument(
        help: ArgumentHelp("As “config show” lists them.", valueName: "setting"),
        completion: .list(SettingKey.allCases.map(\.rawValue)))
    var setting: String

    @OptionGroup var instance: OneInstanceArgument

    @Flag(help: "Also say where it comes from.")
    var origin = false

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        let known = SettingKey.allCases.map(\.rawValue) + ["home"]
        guard known.contains(setting) else {
            let near = NearestWord.of(setting, among: known)
            throw ValidationError(
                "there is no setting “\(setting)”" + (near.map { "; the nearest is “\($0)”" } ?? ""))
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let name = try instance.selection.names.first.map { try InstanceName(checking: $0) }
        var listing = ConfigShowCommand.listing(withOrigin: true)
        listing.table = { [origin] items, _ in
            items.map { item in
                (item.value.map(ConfigShowCommand.text) ?? "").printable
                    + (origin ? "  " + item.origin.printable : "") + "\n"
            }.joined()
        }
        return await session.list(listing) {
            let items = try Configure(site: session.site).show(name).filter { $0.key == setting }
            guard items.contains(where: { $0.value != nil }) else {
                throw Failure(
                    .notFound, "the setting “\(setting)” has no value",
                    cause: "nothing sets it, and it has no default",
                    remedy: name.map { "kecsctl config show \($0) --origin" }
                        ?? "kecsctl config show --origin")
            }
            return items
        }
    }
}
