// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The preflight at both ends, for a move and for a clone: nothing is sent before it.
struct AskOtherEnd: Sendable {
    let site: Site
    let other: OtherMachine

    /// - Parameter backup: The one that is sent; nil when it is taken later.
    /// - Returns: The question that was asked, for the steps that follow, and the answer.
    /// - Throws: `Failure` with what stands in the way; the first of it, and the others in its cause.
    func run(
        _ instance: Instance, _ runtime: any Runtime, as name: InstanceName, isClone: Bool,
        settings: [SettingKey: String], sourceBytes: Int64, backup: StoredBackup? = nil
    ) async throws -> (question: Arrival.Question, look: Arrival.Look) {
        var config = instance.config
        var ports: [String: Int] = [:]
        for (key, value) in try site.chosen(settings, for: instance.name) {
            if case .integer(let port) = value { ports[key] = Int(port) }
            config.settings[key] = value
        }
        CloneInstance.follow(&config, portsOf: instance.config)
        if isClone { config = instance.config }
        let question = Arrival.Question(
            tool: site.tool.version, name: name.description, config: config,
            folder: instance.folder.path.string,
            sourceBytes: sourceBytes, volumes: Self.volumes(try await runtime.parts()), isClone: isClone,
            ports: ports, sealed: try await SealedProbe(site: site).question(instance, backup))
        site.machine.progress.step("asking \(other.name)", total: nil)
        let look: Arrival.Look = try await other.ask("look", question)
        guard look.dialect == Arrival.dialect else {
            throw Failure(
                .usage,
                "the kecsctl on \(other.name) is another one: \(look.tool) there, \(site.tool.version) here",
                cause: "the two cannot talk to each other", remedy: other.line(["version"]))
        }
        if let first = look.problems.first {
            var failure = other.failure(first)
            let rest = look.problems.dropFirst().map { other.failure($0).sentence }
            failure.cause = ([failure.cause].compactMap(\.self) + rest).joined(separator: "; and ")
            if failure.cause?.isEmpty == true { failure.cause = nil }
            throw failure
        }
        return (question, look)
    }

    /// Those that a restore fills by name. An anonymous one is made with its container.
    private static func volumes(_ parts: [Part]) -> [String] {
        parts.compactMap { part in
            guard case .volume(let name, _) = part.place, !Arrival.File.isDigest(name) else { return nil }
            return name
        }
    }
}
