// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem

/// The flags of every command that changes something.
struct ChangeOptions: ParsableArguments {
    @Flag(name: [.customShort("n"), .long], help: "Print the plan and change nothing.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Answer yes to every question.")
    var yes = false

    @Option(
        help: ArgumentHelp(
            "Wait this long for another kecsctl on the same instance instead of failing with 11.",
            valueName: "30s"))
    var waitLock: TimeSpan?

    /// True when the user is asked before something is lost.
    var asks: Bool { !yes && !dryRun }
}

/// `--force` never comes with `--yes`: one answers a question, the other overrules a safeguard.
struct ForceOption: ParsableArguments {
    @Flag(help: "Continue although a safety check failed.")
    var force = false
}
