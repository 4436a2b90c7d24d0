// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
public import KecsSystem

/// How fast the data grows, by the sizes that the backups recorded.
public struct Growth: Sendable, Hashable {
    public let bytesPerDay: Double

    /// Least squares over the verified backups of the last 30 days that hold the data.
    ///
    /// - Returns: Nil for fewer than three backups, or less than a day between the first and the last.
    public init?(_ backups: [StoredBackup]) {
        let points = backups.filter(\.isVerified).compactMap { backup -> (Double, Double)? in
            guard let part = backup.manifest?.parts.first(where: { $0.name == "data" }) else { return nil }
            return (Double(backup.id.createdAt.seconds) / 86_400, Double(part.sourceBytes))
        }
        guard let newest = points.map(\.0).max() else { return nil }
        self.init(points: points.filter { newest - $0.0 <= 30 })
    }

    /// - Parameter points: Day and bytes.
    init?(points: [(Double, Double)]) {
        guard points.count >= 3, let first = points.map(\.0).min(), let last = points.map(\.0).max(),
            last - first >= 1
        else { return nil }
        let count = Double(points.count)
        let meanDay = points.reduce(0) { $0 + $1.0 } / count
        let meanBytes = points.reduce(0) { $0 + $1.1 } / count
        let covariance = points.reduce(0) { $0 + ($1.0 - meanDay) * ($1.1 - meanBytes) }
        let variance = points.reduce(0) { $0 + ($1.0 - meanDay) * ($1.0 - meanDay) }
        bytesPerDay = covariance / variance
    }

    /// Nil when it does not grow.
    public func days(untilFull free: ByteCount) -> Double? {
        bytesPerDay > 0 ? Double(free.bytes) / bytesPerDay : nil
    }
}
