// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
import KecsSystem

/// Every change that the control plane's database has gone through, upstream's first, as numbered steps with a way
/// back. The numbers are the days on which upstream made the change (`docs/formats.md`).
public enum UpstreamHistory {
    /// The migrations, by version.
    public static let migrations: [MigrationStep] = steps.map(\.migration)

    /// The version of `0001_initial.sql`, from which a new database is made.
    public static let newest: Int64 = migrations.last?.version ?? 0

    /// Lower numbers belong to `SchemaHistory.kecs`.
    public static let earliest: Int64 = migrations.first?.version ?? 0

    /// Tables of our own, which no schema of upstream's has.
    public static let bookkeeping: Set<String> = [
        "kecsctl_migrations", "kecsctl_meta", "kecsctl_import_rejects",
    ]

    struct Step: Sendable {
        var migration: MigrationStep
        /// True when a database of this shape has had the migration.
        var isApplied: @Sendable (SchemaShape) -> Bool
    }

    static let steps: [Step] = [
        step("20250531_first", PackageResources._0250531_first_sql) { $0.has("clusters") },
        step("20250608_cluster_settings", PackageResources._0250608_cluster_settings_sql) {
            $0.has("clusters", "default_capacity_provider_strategy")
        },
        step("20250612_clusters_text", PackageResources._0250612_clusters_text_sql) {
            $0.has("clusters", "tags") && $0.type("clusters", "tags") != "JSON"
        },
        step("20250614_task_sets", PackageResources._0250614_task_sets_sql) { $0.has("task_sets") },
        step("20250623_k8s_cluster_name", PackageResources._0250623_k8s_cluster_name_sql) {
            $0.has("clusters", "k8s_cluster_name")
        },
        step("20250629_localstack_state", PackageResources._0250629_localstack_state_sql) {
            $0.has("clusters", "localstack_state")
        },
        step("20250714_elbv2", PackageResources._0250714_elbv2_sql) { $0.has("elbv2_load_balancers") },
        step("20250715_load_balancer_arns", PackageResources._0250715_load_balancer_arns_sql) {
            $0.has("elbv2_target_groups", "load_balancer_arns")
        },
        step("20250817_task_service_registries", PackageResources._0250817_task_service_registries_sql) {
            $0.has("tasks", "service_registries")
        },
        step("20250820_deployment_controller", PackageResources._0250820_deployment_controller_sql) {
            $0.has("services", "deployment_controller")
        },
        step("20250821_task_logs", PackageResources._0250821_task_logs_sql) { $0.has("task_logs") },
        step("20250902_unique_pods", PackageResources._0250902_unique_pods_sql) { $0.hasUniquePods },
        step("20250926_node_ports", PackageResources._0250926_node_ports_sql) {
            $0.has("services", "assign_public_ip")
        },
        step("20251001_strict", PackageResources._0251001_strict_sql) {
            $0.strictTables.isSuperset(of: ["clusters", "services", "tasks"])
        },
    ]

    private static func step(
        _ name: String, _ bytes: [UInt8], isApplied: @escaping @Sendable (SchemaShape) -> Bool
    ) -> Step {
        let sections = MigrationSections(String(decoding: bytes, as: UTF8.self))
        let version = name.prefix { $0 != "_" }
        let file = "\(name).sql"
        guard let sections, let number = Int64(version) else {
            // A test reads them all: this cannot happen in a program that was built.
            preconditionFailure("\(file) is no migration")
        }
        return Step(
            migration: MigrationStep(
                version: number, name: String(name.dropFirst(version.count + 1)),
                up: MigrationStep.Script(name: file, sql: sections.up),
                down: sections.down.map { MigrationStep.Script(name: file, sql: $0) }, checksum: sha256(bytes)
            ),
            isApplied: isApplied)
    }

    /// The statements of `0001_initial.sql`, without the pragmas of a connection.
    public static let initialSQL = String(decoding: PackageResources._001_initial_sql, as: UTF8.self)
}
