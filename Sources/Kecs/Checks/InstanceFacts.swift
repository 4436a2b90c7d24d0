// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
import KecsSystem
public import SystemPackage

/// What many checks ask about one instance, gathered once. A part that could not be had is `unknown`, and only the
/// checks that need it say so.
public struct InstanceFacts: Sendable {
    public let instance: Instance
    public let data: Known<FilePath>
    public let database: Known<DatabaseFacts>
    public let tree: Known<TreeFacts>
    /// The newest first.
    public let backups: Known<[StoredBackup]>
    public let state: RuntimeState
    public let endpoints: [Endpoint]
    public let runsSomething: Bool
    /// The lines that are about this instance, the oldest first.
    public let history: [HistoryRecord]

    public var name: InstanceName { instance.name }

    /// - Parameter limit: For asking whether it runs. Beyond it that is unknown, and the rest is looked at all the same.
    static func gather(
        _ instance: Instance, site: Site, history: [HistoryRecord], cancellation: Cancellation,
        limit: Duration = .seconds(8)
    ) async -> InstanceFacts {
        func known<Value>(_ body: () throws -> Value) -> Known<Value> {
            do { return .known(try body()) } catch {
                let failure = Failure.describing(error)
                return .unknown(failure.cause ?? failure.message)
            }
        }
        let data = known { try instance.dataFolder() }
        var state = RuntimeState.unknown("")
        var endpoints: [Endpoint] = []
        var runsSomething = true
        do {
            let runtime = try site.runtime(instance)
            state =
                await TimeBound.run(limit, outer: cancellation) { _ in await runtime.state() }
                ?? .unknown("whether it runs could not be told within \(limit.components.seconds) s")
            endpoints = await runtime.endpoints()
            runsSomething = runtime.runsSomething
        } catch {
            let failure = Failure.describing(error)
            state = .unknown(failure.cause ?? failure.message)
        }
        return InstanceFacts(
            instance: instance, data: data,
            database: known { try DatabaseFacts(instance.databaseFile()) },
            tree: known { try TreeFacts.of(data.get(), cancellation: cancellation) },
            backups: known { try instance.backups.all() }, state: state, endpoints: endpoints,
            runsSomething: runsSomething,
            history: history.filter { $0.result(of: instance.name) != nil })
    }

    /// The newest backup that may be restored from.
    var newestGood: StoredBackup? { backups.value?.first(where: \.isGood) }

    func settingText(_ key: SettingKey) throws -> String? { try instance.settings.text(key) }
}
