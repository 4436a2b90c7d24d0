// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import SystemPackage

/// A path from the command line, made absolute with the working folder that the program was started in.
///
/// Only a relative path needs that folder, so it may be gone (cron, a removed checkout) until one is given.
struct PathArgument: Hashable, Sendable {
    let path: FilePath

    init?(_ text: String) {
        guard !text.isEmpty, !text.contains("\0") else { return nil }
        let given = FilePath(text)
        if given.isAbsolute {
            path = given.lexicallyNormalized()
        } else {
            guard let folder = WorkingFolder.atStart else { return nil }
            path = folder.pushing(given).lexicallyNormalized()
        }
    }
}

extension PathArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
    static var defaultCompletionKind: CompletionKind { .file() }
}

enum WorkingFolder {
    /// Nil when it was removed under the shell's feet. Asked once, before anything changes it.
    static let atStart: FilePath? = {
        guard let text = getcwd(nil, 0) else { return nil }
        defer { free(text) }
        let folder = FilePath(platformString: text)
        // The kernel answers "(unreachable)/…" for a folder outside this root.
        return folder.isAbsolute ? folder : nil
    }()
}
