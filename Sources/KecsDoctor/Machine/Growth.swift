// SPDX-License-Identifier: Apache-2.0
import Kecs
public import KecsBackups
public import KecsSystem

/// The growth of the data, by the sizes recorded in the backups.
public struct Growth: Sendable, Hashable {
    public let bytesPerDay: Double

    /// Least squares over the verified backups of the last 30 days that hold all parts.
    ///
    /// - Returns: Nil for fewer than three backups, or less than a day between the first and the last.
    public init?(_ backups: [StoredBackup]) {
        // A backup of one part alone shows nothing about the whole.
        let names = Set(
            backups.filter(\.isVerified).map { backup in
                (backup.manifest?.parts ?? []).filter { $0.root != .configuration }.map(\.name)
            }.max { $0.count < $1.count } ?? [])
        let points = backups.filter(\.isVerified).compactMap { backup -> (Double, Double)? in
            let parts = (backup.manifest?.parts ?? []).filter { $0.root != .configuration }
            guard !names.isEmpty, names.isSubset(of: parts.map(\.name)) else { return nil }
            let bytes = parts.filter { names.contains($0.name) }.reduce(0) { $0 + $1.sourceBytes }
            return (Double(backup.id.createdAt.seconds) / 86_400, Double(bytes))
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

    /// Returns the days until the space is used up; nil when it does not grow.
    public func days(untilFull free: ByteCount) -> Double? {
        bytesPerDay > 0 ? Double(free.bytes) / bytesPerDay : nil
    }
}
