// SPDX-License-Identifier: Apache-2.0

/// Where a Backup or a Restore is. Phases are compared as a whole: `FinalizingPartiallyFailed` is no end, and one that a newer
/// Velero has is waited out.
public enum VeleroPhase: Hashable, Sendable {
    /// Velero has not taken it up.
    case waiting(String)
    case working(String)
    case completed
    case partiallyFailed
    case failed(String)

    public init(_ phase: String?) {
        self =
            switch phase {
            case nil, "": .waiting("New")
            case "New": .waiting("New")
            case "Queued": .waiting("Queued")
            case "ReadyToStart": .waiting("ReadyToStart")
            case "Completed": .completed
            case "PartiallyFailed": .partiallyFailed
            case "Failed": .failed("Failed")
            case "FailedValidation": .failed("FailedValidation")
            // It is going: nothing can be expected of it.
            case "Deleting": .failed("Deleting")
            case let other?: .working(other)
            }
    }

    public var isOver: Bool {
        switch self {
        case .waiting, .working: false
        case .completed, .partiallyFailed, .failed: true
        }
    }
}
