// SPDX-License-Identifier: Apache-2.0

/// An ECS cluster. Columns as in the schema, JSON as stored.
public struct ClusterRecord: Hashable, Sendable {
    public var id: String
    public var arn: String
    public var name: String
    public var status: String
    public var region: String?
    public var accountID: String?
    public var configuration: JSONText
    public var settings: JSONText
    public var tags: JSONText
    public var k8sClusterName: String?
    public var registeredContainerInstancesCount: Int64?
    public var runningTasksCount: Int64?
    public var pendingTasksCount: Int64?
    public var activeServicesCount: Int64?
    public var capacityProviders: JSONText
    public var defaultCapacityProviderStrategy: JSONText
    public var localstackState: JSONText
    public var createdAt: String
    public var updatedAt: String

    init(_ fields: RecordFields) throws {
        id = try fields.text("id")
        arn = try fields.text("arn")
        name = try fields.text("name")
        status = try fields.text("status")
        region = try fields.optional("region")
        accountID = try fields.optional("account_id")
        configuration = try fields.json("configuration")
        settings = try fields.json("settings")
        tags = try fields.json("tags")
        k8sClusterName = try fields.optional("k8s_cluster_name")
        registeredContainerInstancesCount = try fields.optionalInteger("registered_container_instances_count")
        runningTasksCount = try fields.optionalInteger("running_tasks_count")
        pendingTasksCount = try fields.optionalInteger("pending_tasks_count")
        activeServicesCount = try fields.optionalInteger("active_services_count")
        capacityProviders = try fields.json("capacity_providers")
        defaultCapacityProviderStrategy = try fields.json("default_capacity_provider_strategy")
        localstackState = try fields.json("localstack_state")
        createdAt = try fields.text("created_at")
        updatedAt = try fields.text("updated_at")
    }
}
