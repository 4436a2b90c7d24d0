// SPDX-License-Identifier: Apache-2.0

/// The result of `clone`, or its plan.
public struct CloneReport: OperationReport {
    public static let kind = "CloneReport"
    public var outcome: Outcome
    /// The new instance.
    public var to: String
    /// The backup that it was made from; nil for the source's present state.
    public var from: String?
    public var parts: [String]
    /// Settings of the new instance that differ from the source's.
    public var ports: [String: Int]
    public var durationSeconds: Double
    /// Notes for the user.
    public var notes: [String]
    /// The other machine that it was made on, its home there, and how many bytes were sent; nil for one in this home.
    public var host: String?
    public var home: String?
    public var sentBytes: Int64?
}
