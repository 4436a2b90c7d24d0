// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Refuses a setting that would make every backup fail, because it leaves out a database that none may lack.
public struct CheckExcludeSetting: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Asks what the next backup will ask, where that can be told now. What cannot, the backup refuses.
    ///
    /// - Parameter name: Nil for a setting of all instances.
    /// - Throws: `Failure(.usage)` that names the instance and the database.
    public func run(_ key: SettingKey, to text: String, for name: InstanceName?) async throws {
        guard key == .exclude || key == .excludeCaches, key.parse(text) != nil else { return }
        for name in try name.map({ [$0] }) ?? site.instanceNames() {
            do {
                let instance = try site.instance(name, flags: [key: text], checksPlace: false)
                let exclusions = try Exclusions(instance.settings, flags: [])
                let parts = try await site.runtime(instance).parts()
                _ = try await CheckExclusions(site: site, instance: instance, exclusions: exclusions)
                    .run(parts, known: Set(parts.map(\.name)))
            } catch var failure as Failure where failure.kind == .usage {
                failure.cause = [failure.cause, "--force sets it anyway"].compactMap(\.self)
                    .joined(separator: "; ")
                failure.remedy = "kecsctl inspect \(name)"
                throw failure
            } catch {
                // An instance that cannot be looked at is no obstacle to a setting.
                try site.machine.cancellation.check()
            }
        }
    }
}
