// SPDX-License-Identifier: Apache-2.0
import Kecs

/// The instances that a command is about: the names that were typed, or the default when there are none.
struct InstanceSelection: Equatable, Sendable {
    /// A command's behaviour when no instance was named.
    enum Unnamed: Sendable {
        /// Lists and overviews: `$KECS_INSTANCE`, else all of them.
        case everything
        /// Reading commands and `backup`: `$KECS_INSTANCE`, else the only one there is.
        case theOnlyOne
        /// Commands that change something: `$KECS_INSTANCE`, and no guess beyond it.
        case variable
        /// Verbs that destroy: nothing but a name typed for this one command.
        case never
    }

    var names: [String] = []
    var isAll = false

    /// - Parameters:
    ///   - existing: The names of all instances, sorted.
    ///   - variable: `$KECS_INSTANCE`.
    ///   - command: The words typed, for the remedy: "restore --from latest".
    /// - Returns: Each name once, in the order typed; the operation finds out whether they exist.
    func resolve(
        existing: [String], variable: String?, unnamed: Unnamed, command: String
    ) throws(Failure) -> [String] {
        if isAll {
            guard names.isEmpty else {
                throw Failure(
                    .usage, "instances were named and --all was given",
                    cause: "--all means \(existing.isEmpty ? "none" : existing.joined(separator: ", "))",
                    remedy: "kecsctl list")
            }
            return existing
        }
        guard names.isEmpty else {
            var seen: Set<String> = []
            return names.filter { seen.insert($0).inserted }
        }
        if unnamed != .never, let variable, !variable.isEmpty { return [variable] }
        if unnamed == .everything { return existing }
        if unnamed == .theOnlyOne, existing.count == 1 { return existing }
        throw Failure(
            .usage, "no instance was named",
            cause: existing.isEmpty
                ? "there is no instance yet" : "there are: \(existing.joined(separator: ", "))",
            remedy: existing.first.map { "kecsctl \(command) \($0)" } ?? "kecsctl start dev")
    }
}
