// SPDX-License-Identifier: Apache-2.0

/// A task set: a part of a service whose controller is EXTERNAL or CODE_DEPLOY. Columns as in the schema, JSON as
/// stored.
public struct TaskSetRecord: Hashable, Sendable {
    public var id: String
    public var arn: String
    public var serviceARN: String
    public var clusterARN: String
    public var externalID: String?
    public var taskDefinition: String
    public var launchType: String?
    public var platformVersion: String?
    public var platformFamily: String?
    public var networkConfiguration: JSONText
    public var loadBalancers: JSONText
    public var serviceRegistries: JSONText
    public var capacityProviderStrategy: JSONText
    public var scale: JSONText
    public var computedDesiredCount: Int64
    public var pendingCount: Int64
    public var runningCount: Int64
    public var status: String
    public var stabilityStatus: String?
    public var stabilityStatusAt: String?
    public var startedBy: String?
    public var tags: JSONText
    public var fargateEphemeralStorage: JSONText
    public var region: String?
    public var accountID: String?
    public var createdAt: String
    public var updatedAt: String

    init(_ fields: RecordFields) throws {
        id = try fields.text("id")
        arn = try fields.text("arn")
        serviceARN = try fields.text("service_arn")
        clusterARN = try fields.text("cluster_arn")
        externalID = try fields.optional("external_id")
        taskDefinition = try fields.text("task_definition")
        launchType = try fields.optional("launch_type")
        platformVersion = try fields.optional("platform_version")
        platformFamily = try fields.optional("platform_family")
        networkConfiguration = try fields.json("network_configuration")
        loadBalancers = try fields.json("load_balancers")
        serviceRegistries = try fields.json("service_registries")
        capacityProviderStrategy = try fields.json("capacity_provider_strategy")
        scale = try fields.json("scale")
        computedDesiredCount = try fields.integer("computed_desired_count")
        pendingCount = try fields.integer("pending_count")
        runningCount = try fields.integer("running_count")
        status = try fields.text("status")
        stabilityStatus = try fields.optional("stability_status")
        stabilityStatusAt = try fields.optional("stability_status_at")
        startedBy = try fields.optional("started_by")
        tags = try fields.json("tags")
        fargateEphemeralStorage = try fields.json("fargate_ephemeral_storage")
        region = try fields.optional("region")
        accountID = try fields.optional("account_id")
        createdAt = try fields.text("created_at")
        updatedAt = try fields.text("updated_at")
    }
}
