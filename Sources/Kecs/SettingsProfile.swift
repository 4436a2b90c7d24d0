// SPDX-License-Identifier: Apache-2.0

/// Settings that belong together, as the state recovery guide has them for development and for production.
public enum SettingsProfile: String, Sendable, CaseIterable {
    /// Clusters outlive a stop, so that the next start is quick and there is nothing to recover.
    case dev
    /// A stop takes the clusters away, and a start recovers them from the state database.
    case prod

    public var values: [SettingKey: String] {
        let keeps = self == .dev
        return [.keepClustersOnShutdown: "\(keeps)", .autoRecoverState: "\(!keeps)"]
    }
}
