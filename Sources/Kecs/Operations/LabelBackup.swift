// SPDX-License-Identifier: Apache-2.0
public import KecsBackups

/// A change of a backup's labels: `K=V` sets one, `K-` removes one.
public enum LabelChange: Hashable, Sendable {
    case set(String, String)
    case remove(String)

    /// Creates a change from its text. Nil for any other text, and for an empty key.
    public init?(_ text: String) {
        if let equals = text.firstIndex(of: "=") {
            guard equals != text.startIndex else { return nil }
            self = .set(String(text[..<equals]), String(text[text.index(after: equals)...]))
        } else {
            guard text.hasSuffix("-"), text.count > 1 else { return nil }
            self = .remove(String(text.dropLast()))
        }
    }
}

/// Labels existing backups. The manifest stays unchanged: the mark next to it has the differences.
public struct LabelBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Changes the labels. Call it under the instance's lock.
    ///
    /// - Returns: The labels after the change.
    @discardableResult
    public func run(
        _ backup: StoredBackup, of name: InstanceName, _ changes: [LabelChange], dryRun: Bool = false
    ) throws -> [String: String] {
        var labels = backup.labels
        for change in changes {
            switch change {
            case .set(let key, let value): labels[key] = value
            case .remove(let key):
                guard labels.removeValue(forKey: key) != nil else {
                    throw Failure(
                        .usage, "the backup “\(backup.id)” has no label “\(key)”",
                        cause: labels.isEmpty
                            ? "it has none" : "it has \(labels.keys.sorted().joined(separator: ", "))",
                        remedy: "kecsctl backups show \(name)/\(backup.id)")
                }
            }
        }
        if !dryRun {
            let differing = Self.difference(from: backup.manifest?.labels ?? [:], to: labels)
            try site.home.backupStore(of: name).mark(backup.id) {
                $0.labels = differing.isEmpty ? nil : differing
            }
        }
        return labels
    }

    /// Returns the content of the mark that turns the manifest's labels into these.
    static func difference(from old: [String: String], to new: [String: String]) -> [String: String?] {
        var difference: [String: String?] = [:]
        for key in Set(old.keys).union(new.keys) where old[key] != new[key] {
            difference.updateValue(new[key], forKey: key)
        }
        return difference
    }
}
