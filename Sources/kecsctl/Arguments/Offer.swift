// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A suggestion of the shell, with the description that it shows next to it where it can.
struct Offer: Hashable, Sendable {
    var value: String
    var description: String?

    init(_ value: String, _ description: String? = nil) {
        self.value = value
        self.description = description
    }

    /// While `CompletedLine` asks: what is handed through the parser are lines of text.
    @TaskLocal static var keepsDescriptions = false

    /// - Parameter text: What `handedOn` made.
    init(handedOn text: Substring) {
        let halves = text.split(separator: "\t", maxSplits: 1)
        self.init(String(halves.first ?? ""), halves.count == 2 ? String(halves[1]) : nil)
    }

    var handedOn: String {
        guard Self.keepsDescriptions, let description else { return value }
        return "\(value)\t\(description)"
    }

    /// As the completion script of the shell reads it. Bash shows no descriptions.
    func line(for shell: CompletionsCommand.Shell) -> String {
        switch shell {
        case .bash: return ShellWords.quote([value])
        case .zsh:
            // What _describe takes apart at the first colon.
            let escaped = value.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
            return description.map { "\(escaped):\($0)" } ?? escaped
        case .fish: return description.map { "\(value)\t\($0)" } ?? value
        }
    }
}

extension [Offer] {
    /// Returns the suggestions that continue the typed text and are not on the line already: nothing is named twice.
    func lines(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        // The program and its command are not among them.
        let used = Set(words.indices.dropFirst(2).filter { $0 != index }.map { words[$0] })
        return filter { $0.value.hasPrefix(prefix) && !used.contains($0.value) }
            .map(\.handedOn)
    }
}
