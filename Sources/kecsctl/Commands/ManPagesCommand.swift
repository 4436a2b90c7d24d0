// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem
import SystemPackage

/// `make man`: hidden, because a user reads the pages with `man`.
struct ManPagesCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "__man", abstract: "Write the man pages into a folder.", shouldDisplay: false)

    static let help = CommandHelp(
        ExitStatus.common,
        .init("kecsctl __man man", "write them into man"),
        .init("kecsctl __man /tmp/man", "or elsewhere"))

    @Argument(help: "The folder.")
    var folder: PathArgument

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { true }
    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        let folder = try folder.path(session)
        try folder.createFolder(mode: 0o755)
        for page in try ManPages.all() {
            try folder.appending(page.file).replaceContents(Array(page.text.utf8), mode: 0o644)
        }
        return 0
    }
}
