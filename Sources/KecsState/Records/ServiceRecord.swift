// SPDX-License-Identifier: Apache-2.0

/// An ECS service. Columns as in the schema, JSON as stored.
public struct ServiceRecord: Hashable, Sendable {
    public var id: String
    public var arn: String
    public var serviceName: String
    public var clusterARN: String
    public var taskDefinitionARN: String?
    public var desiredCount: Int64
    public var runningCount: Int64
    public var pendingCount: Int64
    public var launchType: String?
    public var platformVersion: String?
    public var status: String
    public var roleARN: String?
    public var loadBalancers: JSONText
    public var serviceRegistries: JSONText
    public var networkConfiguration: JSONText
    public var deploymentConfiguration: JSONText
    public var deploymentController: JSONText
    public var placementConstraints: JSONText
    public var placementStrategy: JSONText
    public var capacityProviderStrategy: JSONText
    public var tags: JSONText
    public var schedulingStrategy: String?
    public var serviceConnectConfiguration: JSONText
    public var enableEcsManagedTags: Bool
    public var propagateTags: String?
    public var enableExecuteCommand: Bool
    public var healthCheckGracePeriodSeconds: Int64?
    public var region: String?
    public var accountID: String?
    public var deploymentName: String?
    public var namespace: String?
    public var nodePorts: JSONText
    public var hasNodePort: Bool
    public var assignPublicIP: Bool
    public var createdAt: String
    public var updatedAt: String

    init(_ fields: RecordFields) throws {
        id = try fields.text("id")
        arn = try fields.text("arn")
        serviceName = try fields.text("service_name")
        clusterARN = try fields.text("cluster_arn")
        taskDefinitionARN = try fields.optional("task_definition_arn")
        desiredCount = try fields.integer("desired_count")
        runningCount = try fields.integer("running_count")
        pendingCount = try fields.integer("pending_count")
        launchType = try fields.optional("launch_type")
        platformVersion = try fields.optional("platform_version")
        status = try fields.text("status")
        roleARN = try fields.optional("role_arn")
        loadBalancers = try fields.json("load_balancers")
        serviceRegistries = try fields.json("service_registries")
        networkConfiguration = try fields.json("network_configuration")
        deploymentConfiguration = try fields.json("deployment_configuration")
        deploymentController = try fields.json("deployment_controller")
        placementConstraints = try fields.json("placement_constraints")
        placementStrategy = try fields.json("placement_strategy")
        capacityProviderStrategy = try fields.json("capacity_provider_strategy")
        tags = try fields.json("tags")
        schedulingStrategy = try fields.optional("scheduling_strategy")
        serviceConnectConfiguration = try fields.json("service_connect_configuration")
        enableEcsManagedTags = try fields.flag("enable_ecs_managed_tags")
        propagateTags = try fields.optional("propagate_tags")
        enableExecuteCommand = try fields.flag("enable_execute_command")
        healthCheckGracePeriodSeconds = try fields.optionalInteger("health_check_grace_period_seconds")
        region = try fields.optional("region")
        accountID = try fields.optional("account_id")
        deploymentName = try fields.optional("deployment_name")
        namespace = try fields.optional("namespace")
        nodePorts = try fields.json("node_ports")
        hasNodePort = try fields.flag("has_node_port")
        assignPublicIP = try fields.flag("assign_public_ip")
        createdAt = try fields.text("created_at")
        updatedAt = try fields.text("updated_at")
    }
}
