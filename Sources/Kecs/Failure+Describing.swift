// SPDX-License-Identifier: Apache-2.0
import SystemPackage
import KecsState
import KecsStorage
import KecsSystem

extension Failure {
    /// What any error means to the person who gave the command. The kind decides the exit status, never the text.
    ///
    /// - Parameter doing: What was being done, for errors that do not know it: "back up “dev”".
    public static func describing(_ error: any Error, doing: String? = nil) -> Failure {
        func message(_ fallback: String) -> String { doing.map { "could not \($0)" } ?? fallback }
        switch error {
        case let failure as Failure:
            return failure
        case let error as Interrupted:
            return switch error.why {
            case .interrupt: Failure(.interrupted, "interrupted; nothing half-done is left")
            case .terminate: Failure(.terminated, "terminated; nothing half-done is left")
            case .timeout:
                Failure(
                    .timeout, "the time given with --timeout has passed; nothing half-done is left",
                    remedy: "kecsctl … --timeout 1h")
            }
        case is CancellationError:
            return Failure(.interrupted, "interrupted; nothing half-done is left")
        case let error as FileError:
            switch error.errno {
            case .noSpace, .diskQuotaExceeded:
                return Failure(
                    .noRoom, message("there is no room left"), cause: "\(error)",
                    remedy: "kecsctl backups prune")
            default:
                return Failure(.failed, message("a file operation failed"), cause: "\(error)")
            }
        case let error as ArchiveError:
            let entry = error.entry.map { ", entry “\(printable($0))”" } ?? ""
            switch error.kind {
            case .damaged:
                return Failure(
                    .damaged, message("an archive is damaged"), cause: "\(error.file)\(entry): \(error.why)")
            case .hostile:
                return Failure(
                    .damaged, message("an archive is refused"), cause: "\(error.file)\(entry): \(error.why)")
            case .unsupported:
                return Failure(
                    .failed, message("an archive cannot be read"),
                    cause: "\(error.file)\(entry): \(error.why)")
            }
        case let error as BackupDamage:
            return Failure(
                .damaged, message("a backup is damaged"), cause: "\(error.file): \(error.why)",
                remedy: "kecsctl backups list")
        case let error as JSONFileError:
            return Failure(.damaged, message("a file cannot be read"), cause: "\(error.path): \(error.why)")
        case let error as SQLiteError:
            let kind: Kind =
                if error.isFull { .noRoom } else if error.isCorrupt || error.isNotADatabase {
                    .damaged
                } else if error.isBusy { .busy } else { .failed }
            return Failure(kind, message("a database operation failed"), cause: "\(error)")
        case let error as StateError:
            return switch error {
            case .newer:
                Failure(
                    .failed, message("the state has a newer schema than this kecsctl reads"),
                    cause: "\(error)")
            case .older:
                Failure(
                    .failed, message("the state has an older schema, to be migrated first"), cause: "\(error)"
                )
            case .notOurs:
                Failure(.failed, message("the database is another program's"), cause: "\(error)")
            case .irreversible, .unknownVersion, .brokenReferences, .unreadable:
                Failure(.failed, message("the state cannot be used"), cause: "\(error)")
            }
        case let error as ProcessError:
            return switch error {
            case .notFound(let program):
                Failure(
                    .unreachable, message("a program is missing"), cause: "“\(program)” is not on PATH",
                    remedy: "command -v \(program)")
            case .cannotStart(let program, let why):
                Failure(.unreachable, message("“\(program)” cannot be started"), cause: why)
            }
        default:
            return Failure(.failed, message("something unforeseen happened"), cause: "\(error)")
        }
    }
}
