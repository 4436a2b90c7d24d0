// SPDX-License-Identifier: Apache-2.0
import KecsSQLite

/// The form of a table's rows in a document: the members that the ECS API has for such an object, under the API's
/// names, and the columns that it does not know in a member `kecs`.
struct StateTable: Sendable {
    let name: String
    /// The member of the document: an array.
    let member: String
    /// The columns that make two rows the same one.
    let identity: [String]
    /// The API's names that are not the column's in camel case.
    var renamed: [String: String] = [:]
    /// Columns that the API does not know.
    var own: Set<String> = []
    /// The SQL condition for the rows that belong to the cluster with the ARN ?1.
    let ofCluster: String
    /// True when the rows are removed with the cluster; false when other clusters share them.
    var belongsToCluster = true

    func key(of column: String) -> String { renamed[column] ?? Self.camelCase(column) }

    static func camelCase(_ column: String) -> String {
        let words = column.split(separator: "_")
        return words.enumerated().map { $0.offset == 0 ? String($0.element) : $0.element.capitalised }
            .joined()
    }

    /// Everything but logs, and kecsctl's own tables. Parents first.
    static let all: [StateTable] = [
        StateTable(
            name: "clusters", member: "clusters", identity: ["arn"],
            renamed: ["arn": "clusterArn", "name": "clusterName"],
            own: [
                "id", "region", "account_id", "k8s_cluster_name", "localstack_state", "created_at",
                "updated_at",
            ], ofCluster: "arn = ?1"),
        StateTable(
            name: "task_definitions", member: "taskDefinitions", identity: ["family", "revision"],
            renamed: ["arn": "taskDefinitionArn"], own: ["id", "region", "account_id"],
            ofCluster: """
                arn IN (SELECT task_definition_arn FROM services WHERE cluster_arn = ?1
                    UNION SELECT task_definition_arn FROM tasks WHERE cluster_arn = ?1)
                OR EXISTS (SELECT * FROM task_sets WHERE cluster_arn = ?1
                    AND task_definition IN (arn, family, family || ':' || revision))
                """, belongsToCluster: false),
        StateTable(
            name: "services", member: "services", identity: ["arn"],
            renamed: [
                "arn": "serviceArn", "task_definition_arn": "taskDefinition",
                "enable_ecs_managed_tags": "enableECSManagedTags",
            ],
            own: [
                "id", "region", "account_id", "deployment_name", "namespace", "node_ports", "has_node_port",
                "assign_public_ip", "updated_at",
            ], ofCluster: "cluster_arn = ?1"),
        StateTable(
            name: "task_sets", member: "taskSets", identity: ["arn"], renamed: ["arn": "taskSetArn"],
            own: ["region", "account_id"], ofCluster: "cluster_arn = ?1"),
        StateTable(
            name: "container_instances", member: "containerInstances", identity: ["arn"],
            renamed: ["arn": "containerInstanceArn"],
            own: ["id", "cluster_arn", "region", "account_id", "updated_at", "deregistered_at"],
            ofCluster: "cluster_arn = ?1"),
        StateTable(
            name: "tasks", member: "tasks", identity: ["arn"],
            renamed: ["arn": "taskArn", "task_group": "group"],
            own: ["id", "region", "account_id", "pod_name", "namespace", "service_registries"],
            ofCluster: "cluster_arn = ?1"),
        StateTable(
            name: "attributes", member: "attributes",
            identity: ["name", "target_type", "target_id", "cluster"],
            own: ["id", "cluster", "region", "account_id", "created_at", "updated_at"],
            ofCluster: "cluster = (SELECT name FROM clusters WHERE arn = ?1)"),
        StateTable(
            name: "account_settings", member: "settings",
            identity: ["name", "principal_arn", "account_id", "region"],
            own: ["id", "is_default", "region", "account_id", "created_at", "updated_at"],
            ofCluster: "?1 IS NULL", belongsToCluster: false),
        StateTable(
            name: "elbv2_load_balancers", member: "elbv2LoadBalancers", identity: ["arn"],
            ofCluster: """
                EXISTS (SELECT * FROM elbv2_target_groups AS g, json_each(g.load_balancer_arns) AS l
                    WHERE l.value = elbv2_load_balancers.arn AND g.arn IN (\(targetGroups)))
                """, belongsToCluster: false),
        StateTable(
            name: "elbv2_target_groups", member: "elbv2TargetGroups", identity: ["arn"],
            ofCluster: "arn IN (\(targetGroups))", belongsToCluster: false),
        StateTable(
            name: "elbv2_listeners", member: "elbv2Listeners", identity: ["arn"],
            ofCluster: "load_balancer_arn IN (\(loadBalancers))", belongsToCluster: false),
        StateTable(
            name: "elbv2_rules", member: "elbv2Rules", identity: ["arn"],
            ofCluster: """
                listener_arn IN (SELECT arn FROM elbv2_listeners WHERE load_balancer_arn IN (\(loadBalancers)))
                """, belongsToCluster: false),
        StateTable(
            name: "elbv2_targets", member: "elbv2Targets", identity: ["target_group_arn", "id"],
            ofCluster: "target_group_arn IN (\(targetGroups))", belongsToCluster: false),
    ]

    /// The target groups that the services and task sets of the cluster name. Upstream writes "" and `null` for "none".
    private static let targetGroups = """
        SELECT json_extract(b.value, '$.targetGroupArn') FROM
            (SELECT load_balancers FROM services WHERE cluster_arn = ?1
            UNION ALL SELECT load_balancers FROM task_sets WHERE cluster_arn = ?1) AS s,
            json_each(CASE WHEN coalesce(s.load_balancers, '') IN ('', 'null') THEN '[]' ELSE s.load_balancers END) AS b
        """
    private static let loadBalancers = """
        SELECT l.value FROM elbv2_target_groups AS g, json_each(g.load_balancer_arns) AS l
            WHERE g.arn IN (\(targetGroups))
        """
}

/// The schema's facts about a column. Its checks tell more than the type: JSON, and flags.
struct StateColumn: Hashable, Sendable {
    enum Kind: Hashable, Sendable { case text, time, json, integer, flag }

    let name: String
    let kind: Kind
    let isRequired: Bool
    /// The value in a row that gives none.
    let standard: SQLiteValue

    static func all(of table: String, in database: SQLiteDatabase) throws -> [StateColumn] {
        let sql = try database.value("SELECT sql FROM sqlite_schema WHERE name = ?", .text(table))?.text ?? ""
        return try database.query(
            "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info(?)", .text(table)
        )
        .map { row in
            let name = row[0].text ?? ""
            let kind: Kind =
                if sql.contains("json_valid(\(name))") { .json } else if row[1].text == "INTEGER" {
                    sql.contains("\(name) IN (0,1)") ? .flag : .integer
                } else if name.hasSuffix("_at") { .time } else { .text }
            return StateColumn(
                name: name, kind: kind, isRequired: row[2].integer == 1, standard: literal(row[3].text))
        }
    }

    /// `0`, `'REPLICA'`: the schema has no other defaults.
    private static func literal(_ text: String?) -> SQLiteValue {
        guard let text else { return .null }
        if let number = Int64(text) { return .integer(number) }
        guard text.hasPrefix("'"), text.hasSuffix("'"), text.utf8.count >= 2 else { return .null }
        return .text(String(text.dropFirst().dropLast()))
    }
}

extension Substring {
    fileprivate var capitalised: String { prefix(1).uppercased() + dropFirst() }
}
