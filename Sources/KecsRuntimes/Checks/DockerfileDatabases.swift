// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import SystemPackage

/// Follows the databases of a build context through a Dockerfile: finds the lines that bring one into the image, also
/// through another stage.
struct DockerfileDatabases {
    /// Folders that usually hold databases; they count where the context cannot be examined.
    private static let customary: Set<String> = ["dev_assets", "kecs-data", "data"]

    private struct Stage {
        var name: String
        var folder = "/"
        /// The databases, as absolute paths in the image.
        var databases: Set<String> = []
        /// The line that brought the first one.
        var line: Script.Line?
    }

    let file: Surroundings.TextFile
    /// The folders that may be its build context.
    let contexts: [BuildContext]

    /// Returns the lines that copy a database into the image, with the databases.
    func run() throws -> [(line: Script.Line, databases: [String])] {
        var stages: [Stage] = []
        var found: [(line: Script.Line, databases: [String])] = []
        for line in Script(file).lines {
            switch line.words.first?.uppercased() {
            case "FROM":
                let words = line.words.filter { !$0.hasPrefix("--") }
                let from = words.count > 1 ? words[1] : ""
                let name = words.count > 3 && words[2].uppercased() == "AS" ? words[3] : "\(stages.count)"
                // A stage that begins with another one has everything that is in it.
                var stage = stages.last { $0.name.lowercased() == from.lowercased() } ?? Stage(name: name)
                stage.name = name
                stages.append(stage)
            case "WORKDIR":
                guard !stages.isEmpty, line.words.count > 1 else { continue }
                stages[stages.count - 1].folder = Self.absolute(
                    line.words[1], in: stages[stages.count - 1].folder)
            case "COPY", "ADD":
                if stages.isEmpty { stages.append(Stage(name: "0")) }
                guard let copy = Copy(line) else { continue }
                let brought = try databases(of: copy, stages)
                guard !brought.isEmpty else { continue }
                let index = stages.count - 1
                let target = Self.absolute(copy.target, in: stages[index].folder)
                stages[index].databases.formUnion(
                    brought.map { $0.below.isEmpty ? target : "\(target == "/" ? "" : target)/\($0.below)" })
                found.append((line, brought.map(\.name).sorted()))
            default: continue
            }
        }
        // A file in a stage that no other stage uses does not reach the image. If a stage is used, the line that uses
        // it is reported.
        guard let last = stages.last else { return found }
        return found.filter { _ in !last.databases.isEmpty }
    }

    /// - Returns: The name of each, and its path below the target.
    private func databases(of copy: Copy, _ stages: [Stage]) throws -> [(name: String, below: String)] {
        var brought: [(name: String, below: String)] = []
        for source in copy.sources {
            if let from = copy.from {
                let stage =
                    stages.last { $0.name.lowercased() == from.lowercased() }
                    ?? Int(from).flatMap { stages.indices.contains($0) ? stages[$0] : nil }
                // Another image's files are no databases of this host.
                guard let stage else { continue }
                let folder = Self.absolute(source, in: "/")
                for database in stage.databases.sorted()
                where database == folder || folder == "/" || database.hasPrefix(folder + "/") {
                    let below =
                        database == folder ? Self.last(database) : String(database.dropFirst(folder.count))
                    brought.append((database, DockerIgnore.cleaned(below)))
                }
                continue
            }
            var isSeen = false
            for context in contexts {
                let place = DockerIgnore.cleaned(source)
                if try place.isEmpty || context.folder.appending(FilePath(place).components).isPresent {
                    isSeen = true
                }
                for database in context.databases(under: source) {
                    let isFile = database == place
                    let below =
                        isFile
                        ? Self.last(database)
                        : String(database.dropFirst(place.isEmpty ? 0 : place.count + 1))
                    brought.append((database, isFile && !copy.isIntoFolder ? "" : below))
                }
            }
            guard !isSeen else { continue }
            let name = DockerIgnore.cleaned(source)
            let isIgnored = contexts.contains { $0.ignore.ignores(name) }
            if !isIgnored, Script.isDatabase(name) || Self.customary.contains(name) {
                brought.append((name, Self.last(name)))
            }
        }
        return brought
    }

    private static func last(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func absolute(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") ? path : folder + "/" + path
        return "/" + DockerIgnore.cleaned(whole)
    }

    /// `COPY [--from=STAGE] SOURCE… TARGET`, or the same as a JSON array.
    private struct Copy {
        var from: String?
        var sources: [String]
        var target: String
        var isIntoFolder: Bool

        init?(_ line: Script.Line) {
            var words: [String]
            if let bracket = line.text.firstIndex(of: "["),
                let list = try? JSONValue(parsing: String(line.text[bracket...]).trimmed).array
            {
                let flags = line.text[..<bracket].split(separator: " ").dropFirst().map(String.init)
                words = flags + list.compactMap(\.string)
            } else {
                words = line.words.dropFirst().map { $0 }
            }
            for flag in words.prefix(while: { $0.hasPrefix("--") }) where flag.hasPrefix("--from=") {
                from = String(flag.dropFirst("--from=".count))
            }
            words = words.drop { $0.hasPrefix("--") }.map { $0 }
            guard words.count > 1 else { return nil }
            target = words.removeLast()
            sources = words
            isIntoFolder = target.hasSuffix("/") || target == "." || words.count > 1
        }
    }
}
