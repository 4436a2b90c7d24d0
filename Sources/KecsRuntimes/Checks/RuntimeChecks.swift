// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsDoctor
import KecsSystem

/// All checks that know containers, clusters and the files that people wrote about them. With `HostChecks.all` these
/// are all.
public enum RuntimeChecks {
    /// - Parameters:
    ///   - engine: Nil to list the checks without asking any program.
    ///   - project: The scripts and compose files that are searched for recipes.
    public static func all(engine: EngineFacts? = nil, project: ProjectFiles? = nil) -> [any Check] {
        let engine = engine ?? EngineFacts()
        let project = project ?? ProjectFiles()
        return DockerChecks.all(engine) + ContainerChecks.all(engine) + [ImageDatabaseCheck(engine: engine)]
            + ClusterChecks.all(engine)
            + InsideClusterCheck.all(engine) + VeleroStoreChecks.all + RecipeCheck.all(project)
            + ProjectChecks.all(project)
            + ProductionChecks.all(engine, project)
    }

    /// Asks docker and searches the scripts, both at once and bounded.
    public static func looking(at site: Site) async -> (checks: [any Check], engine: EngineFacts) {
        let names = (try? site.instanceNames()) ?? []
        let instances = names.compactMap { try? site.instance($0, checksPlace: false) }
        let kinds = Set(instances.map(\.config.runtime))
        // Under cron, the engine is found by the variables that the instances recorded.
        let recorded = Dictionary(
            grouping: instances.filter { !$0.engineVariables.isEmpty }, by: \.engineVariables)
        let machine =
            recorded.count == 1 ? site.machine.placed(for: recorded.values.first?.first) : site.machine
        async let engine = EngineFacts.gather(machine, for: kinds)
        async let project = ProjectFiles.gather(site)
        let facts = await engine
        return (all(engine: facts, project: await project), facts)
    }
}
