// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import SystemPackage

/// `kecsctl stop dev prod`, or `--all`; `--instance NAME` as upstream `kecs` spells it.
struct InstanceArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The instances.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var names: [String] = []

    @Option(
        name: .customLong("instance"),
        help: ArgumentHelp("The same as the argument.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var named: [String] = []

    @Flag(name: [.customShort("A"), .customLong("all")], help: "All instances.")
    var isAll = false

    var selection: InstanceSelection { InstanceSelection(names: names + named, isAll: isAll) }
}

/// The argument of commands about exactly one instance.
struct OneInstanceArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Option(
        name: .customLong("instance"),
        help: ArgumentHelp("The same as the argument.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var named: String?

    func validate() throws {
        if let name, let named, name != named {
            throw ValidationError("two instances were named, “\(name)” and “\(named)”, and one is needed")
        }
    }

    var selection: InstanceSelection { InstanceSelection(names: [name ?? named].compactMap(\.self)) }
}

/// The shell's suggestions for an instance: called by the completion scripts through the program itself.
enum InstanceCompletion {
    @Sendable static func names(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        // A completion cannot report an error; no folder means no names.
        guard
            let home = try? Home.find(
                flag: CommandPath.value(of: ["--home"], in: words), environment: Program.environment()),
            let entries = try? home.instances.entries()
        else { return [] }
        return entries.map(\.string).filter { InstanceName($0) != nil }.sorted().map { Offer($0) }
            .lines(words, index, prefix)
    }
}
