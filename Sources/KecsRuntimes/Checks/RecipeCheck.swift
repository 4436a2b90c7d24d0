// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem

/// Checks whether anything around here uses one of the recipes.
struct RecipeCheck: Check {
    let recipe: Recipe
    let project: ProjectFiles

    var info: CheckInfo {
        CheckInfo(recipe.id, .machine, .warning, "nothing around here " + recipe.claim)
    }

    static func all(_ project: ProjectFiles) -> [any Check] {
        Recipes.all.map { RecipeCheck(recipe: $0, project: project) }
    }

    func run(_ look: Look) throws -> [Finding] {
        try project.files.flatMap { file -> [Finding] in
            try look.cancellation.check()
            let lines = recipe.find(Script(file))
            return lines.map { number in
                let line = file.lines.first { $0.number == number }.map { String($0.text) } ?? ""
                return Finding(
                    .warning, "\(file.path), line \(number), \(recipe.why)",
                    [
                        "file": .string("\(file.path)"), "line": .integer(Int64(number)),
                        "text": .string(line.masked),
                    ],
                    remedy: recipe.remedy(for: look.all.map(\.name)))
            }
        }
    }
}

extension Recipe {
    /// Returns the replacement for the script, for an existing instance.
    func remedy(for names: [InstanceName]) -> String {
        guard remedy.contains("INSTANCE") else { return remedy }
        guard let name = names.first else { return "kecsctl list" }
        return remedy.split(separator: "INSTANCE", omittingEmptySubsequences: false)
            .joined(separator: name.description)
    }

    fileprivate var claim: String {
        let clause = why.split(separator: ":", maxSplits: 1).first.map(String.init) ?? why
        return clause
    }
}
