// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The random numbers of a campaign. Every run prints its seed; the same seed in `KECSCTL_SEED` repeats the run for an
/// examination of its results. The machine still decides at which moment a child is killed: the same seed kills after
/// the same delays.
public struct CampaignSeed: RandomNumberGenerator, Sendable {
    public let seed: UInt64
    private var state: UInt64

    /// - Parameter campaign: The campaign's name, for the line on standard error.
    public init(_ campaign: String) {
        let given = getenv("KECSCTL_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0..<1_000_000_000)
        self.init(seed: seed)
        let line = "\(campaign): KECSCTL_SEED=\(seed)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// Returns the next number of SplitMix64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
