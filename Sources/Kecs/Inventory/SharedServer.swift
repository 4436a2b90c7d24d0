// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Which other instance of this home has the same server, or keeps its data in the same volume: two would stop, restore and
/// prune each other's work, each sure that it is alone.
struct SharedServer: Sendable {
    let site: Site

    /// By what is recorded of each; asks nobody.
    ///
    /// - Parameter olderOnly: Of two that were made before this was refused, the younger one gives way.
    func check(_ instance: Instance, olderOnly: Bool) throws {
        for other in try others(of: instance) {
            guard !olderOnly || other.config.createdAt < instance.config.createdAt else { continue }
            if let what = try shared(instance, other) { throw failure(instance, other, what) }
        }
    }

    /// Before an instance is made: also by what the engine says of containers and volumes that have no record.
    func checkNew(_ instance: Instance) async throws {
        try check(instance, olderOnly: false)
        guard instance.config.runtime.hasContainersByName else { return }
        let others = try others(of: instance)
        guard !others.isEmpty else { return }
        let own = try await site.runtime(instance).engine.containerIDs()
        let volume = await stateVolume(instance)
        guard !own.isEmpty || volume != nil else { return }
        for other in others {
            // Of one whose engine does not answer nothing more can be known.
            let theirs: Set<String>
            do { theirs = try await site.runtime(other).engine.containerIDs() } catch { continue }
            if !own.isDisjoint(with: theirs) { throw failure(instance, other, "the same container") }
            if let volume, await stateVolume(other) == volume {
                throw failure(instance, other, "the volume “\(volume)”")
            }
        }
    }

    private func others(of instance: Instance) throws -> [Instance] {
        try site.instanceNames().filter { $0 != instance.name }.compactMap { name in
            guard let other = try site.soundInstance(name),
                other.config.runtime.hasContainersByName,
                // Two engines may each have one of a name.
                try other.settings.text(.dockerHost) == instance.settings.text(.dockerHost),
                try other.settings.text(.dockerContext) == instance.settings.text(.dockerContext)
            else { return nil }
            return other
        }
    }

    private func shared(_ one: Instance, _ other: Instance) throws -> String? {
        guard one.config.runtime == other.config.runtime else { return nil }
        func recorded(_ key: SettingKey) -> String? {
            guard let mine = one.config.settings[key.rawValue]?.string,
                mine == other.config.settings[key.rawValue]?.string
            else { return nil }
            return mine
        }
        for identity in one.config.runtime.identities {
            if let value = recorded(identity.key) { return identity.words(value) }
        }
        return nil
    }

    private func stateVolume(_ instance: Instance) async -> String? {
        do {
            guard case .volume(let name, _)? = try await site.runtime(instance).server.statePlace() else {
                return nil
            }
            return name
        } catch {
            // A server that keeps its data in no place that is known shares none that is.
            return nil
        }
    }

    private func failure(_ instance: Instance, _ other: Instance, _ what: String) -> Failure {
        Failure(
            .busy, "“\(instance.name)” has the same server as “\(other.name)”",
            cause: "both have \(what), which can be one instance only",
            remedy: "kecsctl status \(other.name)")
    }
}
