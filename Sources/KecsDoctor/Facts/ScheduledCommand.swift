// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// A call of kecsctl by cron or systemd, no matter who set it up.
struct ScheduledCommand: Sendable, Hashable {
    /// "crontab -l, line 3"
    var place: String
    var line: String
    /// The program as it is called: a path, or a name to look up on PATH.
    var program: String
    /// The words after the program.
    var arguments: [String]

    static func all(in around: Surroundings) -> [ScheduledCommand] {
        let files = around.crontabs + around.scripts
        let fromCron = files.flatMap { file in
            file.lines.compactMap { line -> ScheduledCommand? in
                let text = String(line.text).trimmed
                guard !text.hasPrefix("#") else { return nil }
                return ScheduledCommand("\(file.path), line \(line.number)", text)
            }
        }
        let fromUnits = around.units.flatMap { file in
            file.lines.compactMap { line -> ScheduledCommand? in
                let text = String(line.text).trimmed
                guard text.hasPrefix("ExecStart=") else { return nil }
                return ScheduledCommand("\(file.path), line \(line.number)", String(text.dropFirst(10)))
            }
        }
        return fromCron + fromUnits
    }

    /// Nil for a line that does not call kecsctl.
    init?(_ place: String, _ line: String) {
        // The words as a shell would see them, roughly: enough to recognise a call.
        let words = line.split { $0 == " " || $0 == "\t" || $0 == ";" || $0 == "&" }.map {
            String($0).filter { $0 != "'" && $0 != "\"" }
        }
        guard let index = words.firstIndex(where: { $0 == "kecsctl" || $0.hasSuffix("/kecsctl") }) else {
            return nil
        }
        self.place = place
        self.line = line
        program = words[index]
        arguments = words[(index + 1)...].prefix { !$0.hasPrefix("#") && !$0.hasPrefix(">") && $0 != "|" }.map
        { $0 }
    }

    func backsUp(_ name: InstanceName, home: Home) -> Bool {
        guard let verb = arguments.firstIndex(of: "backup") else { return false }
        if let flag = arguments.firstIndex(of: "--home"), flag + 1 < arguments.count,
            FilePath(arguments[flag + 1]).lexicallyNormalized() != home.path.lexicallyNormalized()
        {
            return false
        }
        // A flag's value looks like a name; only our own names and --all count. No name at all means the only instance.
        let rest = arguments[(verb + 1)...]
        return rest.contains("--all") || rest.contains(name.description)
            || !rest.contains { !$0.hasPrefix("-") }
    }
}
