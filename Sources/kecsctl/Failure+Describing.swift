// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

extension Failure {
    /// What an error of a lower layer is to the user. It keeps its words and becomes the cause.
    static func describing(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: return failure
        case let interrupted as Interrupted:
            return switch interrupted.why {
            case .interrupt: Failure(.interrupted, "interrupted")
            case .terminate: Failure(.terminated, "told to terminate")
            case .timeout:
                Failure(
                    .timeout, "the time given with --timeout is over",
                    remedy: "try again with a longer --timeout")
            }
        case is CancellationError: return Failure(.interrupted, "interrupted")
        case let error as FileError:
            let isFull = error.errno == .noSpace || error.errno.rawValue == 122
            return Failure(isFull ? .noRoom : .failed, "\(error)")
        default: return Failure(.failed, "\(error)")
        }
    }
}
