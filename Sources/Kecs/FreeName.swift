// SPDX-License-Identifier: Apache-2.0

/// The search for a free name: the first of `NAME`, `NAME-2`, `NAME-3` …
///
/// Bounded, because a folder in which every name is taken is a fault and not a reason to search on. A lookup that fails
/// is an error and not a taken name.
public enum FreeName {
    /// More than anyone keeps of one second or of one instance.
    static let limit = 1000

    /// - Parameter attempt: Gets 1, 2, 3 …; checks the cancellation, and returns nil for a name that is taken.
    public static func first<Name>(_ attempt: (Int) throws -> Name?) throws -> Name {
        for number in 1...limit {
            if let name = try attempt(number) { return name }
        }
        throw Failure(
            .failed, "no free name was found", cause: "\(limit) names of this kind are taken",
            remedy: "kecsctl doctor --all")
    }
}
