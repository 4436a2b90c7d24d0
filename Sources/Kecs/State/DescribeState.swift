// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
public import KecsSystem

/// The state of an instance as a document in the shapes of the ECS API. Reads only, also while the instance runs.
public struct DescribeState: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter cluster: The name of one ECS cluster; nil for all.
    public func run(_ instance: Instance, cluster: String? = nil) async throws -> JSONValue {
        let file = try await stateDatabase(of: instance, site)
        let state = try StateDatabase.open(file, .readOnly, cancellation: site.machine.cancellation)
        guard let document = try StateDocument.describe(state, cluster: cluster) else {
            let names = try state.clusters().map(\.name).joined(separator: ", ")
            throw Failure(
                .notFound, "there is no ECS cluster “\(cluster ?? "")” in the database of “\(instance.name)”",
                cause: names.isEmpty ? "there are none" : "there are: \(names)")
        }
        return document
    }
}
