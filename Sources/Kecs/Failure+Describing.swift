// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

extension Failure {
    /// Returns the meaning of any error for the user who gave the command. The kind decides the exit status, never the
    /// text.
    ///
    /// - Parameter doing: The action, for errors that do not know it: "back up “dev”".
    public static func describing(_ error: any Error, doing: String? = nil) -> Failure {
        func message(_ fallback: String) -> String { doing.map { "could not \($0)" } ?? fallback }
        switch error {
        case let failure as Failure:
            return failure
        case let error as any ExplainedError:
            return error.failure(message)
        case let error as Interrupted:
            return switch error.why {
            case .interrupt: Failure(.interrupted, "interrupted; nothing half-done is left")
            case .terminate: Failure(.terminated, "terminated; nothing half-done is left")
            case .timeout:
                Failure(.timeout, "the time given with --timeout has passed; nothing half-done is left")
            }
        case is CancellationError:
            return Failure(.interrupted, "interrupted; nothing half-done is left")
        case let error as FileError:
            switch error.errno {
            case .noSpace, .diskQuotaExceeded:
                return Failure(
                    .noRoom, message("no space left"), cause: "\(error)",
                    remedy: "kecsctl backups prune --all --dry-run")
            default:
                return Failure(
                    .failed, message(error.description),
                    cause: doing == nil ? error.ownership : error.withOwner,
                    remedy: error.remedyForRefusal)
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
            return Failure(
                kind, message("a database operation failed"),
                cause: error.isBusy ? DatabaseLock.cause(error, of: error.path) : "\(error)")
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
        case let error as StateDocumentError:
            return Failure(.usage, message("a document cannot be imported"), cause: "\(error)")
        case let error as TranslationFailure:
            return Failure(
                .failed, message("a service cannot be translated to Kubernetes"), cause: "\(error)")
        case let error as JSONError:
            return Failure(.damaged, message("a document is no JSON"), cause: "\(error)")
        case let error as MigrationProblem:
            return Failure(.usage, message("the migrations cannot be run"), cause: "\(error)")
        case let error as MigrationFailure:
            return Failure(.failed, message("a migration failed"), cause: "\(error)")
        case let error as NoThread:
            return Failure(
                .failed, message("the system refuses another thread"), cause: "\(error.errno)",
                remedy: "ulimit -u")
        case let error as LockHeld:
            return Failure(.busy, message("another process holds a lock"), cause: "\(error)")
        case let error as HTTPProbe.Failure:
            return Failure(.unreachable, message("a server does not answer"), cause: "\(error)")
        case let error as Ports.Failure:
            return Failure(.failed, message("a port cannot be used"), cause: "\(error)")
        case let error as ServerProcess.FreezeFailure:
            return Failure(.failed, message("a server cannot be paused"), cause: "\(error)")
        case let error as ServerProcess.StopFailure:
            return Failure(.failed, message("a server cannot be stopped"), cause: "\(error)")
        case let error as ShellWords.Failure:
            return Failure(.usage, message("a command line cannot be read"), cause: "\(error)")
        case let error as Errno:
            return Failure(
                error == .noSpace ? .noRoom : .failed, message("a system call failed"), cause: "\(error)")
        default:
            var failure = Failure(.failed, message("something unforeseen happened"), cause: "\(error)")
            failure.isUnforeseen = true
            return failure
        }
    }
}

extension Failure {
    /// Returns the failure that the runtime could not determine whether the instance runs: nothing that depends on it
    /// may be done.
    public static func unknownState(of instance: Instance, _ why: String) -> Failure {
        Failure(
            .unreachable, "cannot determine whether “\(instance.name)” is running", cause: why,
            remedy: "kecsctl status \(instance.name)")
    }
}

/// An error of this module that knows its meaning for the user who gave the command.
public protocol ExplainedError: Error {
    /// - Parameter message: Returns the action, or the given text when the action is not known.
    func failure(_ message: (String) -> String) -> Failure
}
