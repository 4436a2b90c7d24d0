// SPDX-License-Identifier: Apache-2.0

/// The exit statuses and their meanings. Help, man pages and `docs/exit-status.md` are written from this list.
enum ExitStatus {
    static let meanings: [(status: Int32, meaning: String)] = [
        (0, "done, or already so"),
        (1, "failed; nothing half-done is left, or the message says what is"),
        (3, "partly done: some instances, parts or copies failed; the report lists them"),
        (10, "no such instance or backup"),
        (11, "busy: another kecsctl or a live server holds it; worth trying again"),
        (12, "wrong or missing passphrase or key"),
        (13, "damaged: checksum, archive, database integrity"),
        (14, "docker, k3d, kubectl, their daemon or a remote cannot be reached, or is missing"),
        (15, "out of time"),
        (16, "not enough free space"),
        (20, "“doctor” or “check” found problems"),
        (64, "wrong usage, bad configuration, or a question that could not be asked"),
        (130, "interrupted by SIGINT, after cleaning up"),
        (143, "interrupted by SIGTERM or SIGHUP, after cleaning up"),
    ]

    /// The exit statuses of every command.
    static let common: Set<Int32> = [0, 1, 15, 64, 130, 143]
    /// The statuses of every command about named instances.
    static let instances: Set<Int32> = common.union([3, 10])
    /// The statuses of every command that changes an instance.
    static let changes: Set<Int32> = instances.union([11, 13, 16])
}
