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
        /// `Completed PartiallyFailed webhook port Failed crash stuck`; `ignored` is not taken up before the server starts again.
        var restoreEnds: [String] = []
        /// The volumes that are filled after a restore, and how: `Failed stuck`; well, once the list is at its end.
        var volumes: [String] = []
        var volumeEnds: [String] = []
        /// The release of its Kubernetes, which backups note and nodes show.
        var kubernetes = "v1.31.5+k3s1"
        /// Whether the status of a location that is made with one is dropped, as where it is a subresource.
        var dropsSeeds = false
        /// Whether the store is never read, and backups that are not seen in it.
        var neverSyncs = false
        var hides: [String] = []
        /// How often its server ran out of memory.
        var crashes: Int64 = 0
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
