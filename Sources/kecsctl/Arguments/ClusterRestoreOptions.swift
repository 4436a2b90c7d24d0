// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

/// Which part of a backup of Velero `restore` is about.
struct ClusterRestoreOptions: ParsableArguments {
    @Option(
        name: .customLong("namespace"),
        help: ArgumentHelp("Only this namespace. May be given again.", valueName: "name"))
    var namespaces: [String] = []

    @Option(
        name: .customLong("resource"),
        help: ArgumentHelp(
            "Only this kind of objects, as deployments.apps. May be given again.", valueName: "kind"))
    var resources: [String] = []

    @Option(help: ArgumentHelp("Only objects with these labels.", valueName: "key=value,…"))
    var selector: String?

    @Option(
        name: .customLong("map-namespace"),
        help: ArgumentHelp("Into another namespace. May be given again.", valueName: "old:new"))
    var mappings: [String] = []

    func validate() throws { _ = try filter() }

    func filter() throws -> ClusterRestoreFilter {
        var filter = ClusterRestoreFilter(namespaces: namespaces, resources: resources)
        for term in (selector ?? "").split(separator: ",") {
            let halves = term.split(separator: "=", maxSplits: 1).map(String.init)
            guard halves.count == 2, filter.labels[halves[0]] == nil else {
                throw ValidationError("--selector is KEY=VALUE, several with commas between them")
            }
            filter.labels[halves[0]] = halves[1]
        }
        for mapping in mappings {
            let halves = mapping.split(separator: ":").map(String.init)
            guard halves.count == 2, filter.mapping[halves[0]] == nil else {
                throw ValidationError("--map-namespace is OLD:NEW, each namespace once")
            }
            filter.mapping[halves[0]] = halves[1]
        }
        return filter
    }
}
