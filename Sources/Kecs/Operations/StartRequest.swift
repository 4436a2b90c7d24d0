// SPDX-License-Identifier: Apache-2.0

/// The options of `start`.
public struct StartRequest: Sendable {
    public enum Restore: Hashable, Sendable {
        /// Restores the newest good backup, only when the state is gone.
        case auto
        case latest
        case none
        case id(String)
    }

    /// Settings given as flags; the first start writes them into the instance's configuration.
    public var settings: [SettingKey: String]
    public var restore: Restore
    /// True to start a degraded instance as it is, and to call it good.
    public var accept: Bool
    /// Parts, or databases as PART/PATH, that the start may do without.
    public var acceptedLosses: [String]
    /// True to start although another process uses the data.
    public var force: Bool
    public var wait: Bool
    /// The time limit; nil for the setting `startLimit`.
    public var limit: Duration?
    public var dryRun: Bool

    public init(
        settings: [SettingKey: String] = [:], restore: Restore = .auto, accept: Bool = false,
        acceptedLosses: [String] = [], force: Bool = false, wait: Bool = true, limit: Duration? = nil,
        dryRun: Bool = false
    ) {
        self.settings = settings
        self.restore = restore
        self.accept = accept
        self.acceptedLosses = acceptedLosses
        self.force = force
        self.wait = wait
        self.limit = limit
        self.dryRun = dryRun
    }
}
