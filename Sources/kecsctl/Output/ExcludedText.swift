// SPDX-License-Identifier: Apache-2.0
import KecsBackups

/// The exclusions of a backup, for people.
enum ExcludedText {
    /// "3 names left out, with the databases cache/http.sqlite"; nil when nothing was.
    static func short(_ excluded: Manifest.Excluded) -> String? {
        excluded.entries == 0 ? nil : names(excluded) + " left out" + databases(excluded)
    }

    /// "3 names, by *.tmp, cache/"
    static func long(_ excluded: Manifest.Excluded) -> String {
        let by = excluded.patterns + (excluded.caches ? ["folders tagged by CACHEDIR.TAG"] : [])
        return names(excluded) + databases(excluded) + ", by " + by.joined(separator: ", ")
    }

    private static func names(_ excluded: Manifest.Excluded) -> String {
        excluded.entries == 1 ? "1 name" : "\(excluded.entries) names"
    }

    private static func databases(_ excluded: Manifest.Excluded) -> String {
        let paths = excluded.databases ?? []
        return paths.isEmpty ? "" : ", with the databases \(paths.joined(separator: ", "))"
    }
}
