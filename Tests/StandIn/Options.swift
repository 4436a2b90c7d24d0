// SPDX-License-Identifier: Apache-2.0

/// Parses the arguments of a call strictly: an argument that is left over belongs to a call that was never recorded.
struct Options {
    private var words: [String]
    private let scene: Scene

    init(_ words: some Sequence<String>, scene: Scene) {
        self.words = Array(words)
        self.scene = scene
    }

    mutating func flag(_ name: String) -> Bool {
        guard let index = words.firstIndex(of: name) else { return false }
        words.remove(at: index)
        return true
    }

    mutating func value(_ name: String) -> String? { values(name).last }

    mutating func values(_ name: String) -> [String] {
        var found: [String] = []
        while let index = words.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) {
            let word = words.remove(at: index)
            if word == name {
                guard index < words.count else { scene.unexpected("flag needs an argument: \(name)") }
                found.append(words.remove(at: index))
            } else {
                found.append(String(word.dropFirst(name.count + 1)))
            }
        }
        return found
    }

    mutating func next() -> String? {
        guard let index = words.firstIndex(where: { !$0.hasPrefix("-") || $0 == "-" }) else { return nil }
        return words.remove(at: index)
    }

    func end() {
        if let word = words.first { scene.unexpected("unknown flag: \(word)") }
    }
}
