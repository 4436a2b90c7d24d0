// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials

/// ArgumentParser's description of the commands in JSON (its `ToolInfoV0`, of which the module is not a product).
struct ToolInfo: Decodable {
    let command: Command

    struct Command: Decodable {
        let superCommands: [String]?
        let shouldDisplay: Bool
        let commandName: String
        let aliases: [String]?
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?

        var visibleSubcommands: [Command] {
            (subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
        }
    }

    struct Argument: Decodable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            let kind: Kind
            let name: String
            var text: String { (kind == .long ? "--" : "-") + name }
        }
        let kind: Kind
        let shouldDisplay: Bool
        let sectionTitle: String?
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValueStrings: [String]?
        let abstract: String?
        /// What a shell offers for the value; nil: the values that it must be one of, if there are only some.
        let completionKind: Completion?

        /// One of these is there.
        struct Completion: Decodable {
            struct List: Decodable { let values: [String] }
            struct Mark: Decodable {}
            let list: List?
            let file: Mark?
            let directory: Mark?
            /// A function of this program.
            let custom: Mark?
        }

        /// By which it is best told: the first long name, else the short one.
        var mainName: String? {
            (names?.first { $0.kind == .long } ?? names?.first)?.text
        }

        private enum CodingKeys: String, CodingKey {
            case kind, shouldDisplay, sectionTitle, isOptional, isRepeating, names, valueName, defaultValue,
                abstract, completionKind
            case allValueStrings = "allValues"
        }
    }

    static func ofKecsctl() throws -> Command { try of(Kecsctl.self) }

    /// Of one command alone, which takes a hundredth of the time.
    static func of(_ command: any ParsableCommand.Type) throws -> Command {
        try JSONDecoder().decode(ToolInfo.self, from: Data(command._dumpHelp().utf8)).command
    }
}
