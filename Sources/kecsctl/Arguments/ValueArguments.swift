// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsArchive
import KecsSystem
import SystemPackage

/// Values on the command line that our own types read.

extension TimeSpan: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension RuntimeKind: ExpressibleByArgument {}
extension Compression: ExpressibleByArgument {}

/// A path. A relative one is below the folder in which the command was given, once that folder is needed.
struct PathArgument: Hashable, Sendable, ExpressibleByArgument {
    let text: String

    init?(argument: String) {
        guard !argument.isEmpty, !argument.contains("\0") else { return nil }
        text = argument
    }

    static var defaultCompletionKind: CompletionKind { .file() }

    func path(_ session: Session) throws(Failure) -> FilePath {
        try Home.absolute(FilePath(text), environment: session.machine.environment)
    }
}

/// `UID` or `UID:GID`; the group is the user's number when it is left out.
struct OwnerArgument: Hashable, Sendable, ExpressibleByArgument {
    let user: UInt32
    let group: UInt32

    init?(argument: String) {
        let halves = argument.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = halves.compactMap { UInt32($0) }
        // The largest number means "leave it" to chown(2).
        guard (1...2).contains(halves.count), numbers.count == halves.count, !numbers.contains(.max) else {
            return nil
        }
        user = numbers[0]
        group = numbers[numbers.count - 1]
    }
}

/// `K=V`.
struct LabelArgument: Hashable, Sendable, ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }
}

/// A name, or several with commas between.
struct NamesArgument: Hashable, Sendable, ExpressibleByArgument {
    let names: [String]

    init?(argument: String) {
        names = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard !names.contains("") else { return nil }
    }
}

extension Moment: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
