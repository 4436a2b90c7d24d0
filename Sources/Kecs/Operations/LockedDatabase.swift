// SPDX-License-Identifier: Apache-2.0
import KecsSQLite

/// A database whose server never releases its lock (`PRAGMA locking_mode=EXCLUSIVE`). It cannot be read while the
/// server runs, for any length of waiting. The remedy is to stop the server for the backup.
struct LockedDatabase: ExplainedError {
    let failure: Failure

    init(_ error: SQLiteError, of instance: Instance, canBeStopped: Bool) {
        failure = Failure(
            .busy, "a database of “\(instance.name)” is locked by the program that uses it",
            cause: DatabaseLock.cause(error, of: error.path),
            remedy: canBeStopped
                ? "kecsctl backup \(instance.name) --consistency stopped" : "kecsctl doctor \(instance.name)")
    }

    func failure(_ message: (String) -> String) -> Failure { failure }
}
