// SPDX-License-Identifier: Apache-2.0

extension World {
    /// What Velero is about, and what is to go wrong.
    struct Velero: Codable {
        struct Validated: Codable {
            var mark: String
            var at: Int64
        }

        /// The cluster's clock, in seconds since 1970: it goes on by `step` with every question.
        var now: Int64 = 1_795_000_000
        var step: Int64 = 5
        /// How the next ones end: `Completed PartiallyFailed upload lie crash stuck`; well, once the list is at its end.
        var backupEnds: [String] = []
        /// `Completed PartiallyFailed Failed crash stuck`
        var restoreEnds: [String] = []
        /// What is wrong with the next deletions, or `stuck`.
        var deletionEnds: [String] = []
        /// Everything that was shown: "backup InProgress".
        var phases: [String] = []
        /// By cluster: since when its server runs, when it last looked at the store and at the location.
        var serverSince: [String: Int64] = [:]
        var lastTick: [String: Int64] = [:]
        var validated: [String: Validated] = [:]
    }
}
