// SPDX-License-Identifier: Apache-2.0

/// A task, of a service or standalone. Columns as in the schema, JSON as stored.
public struct TaskRecord: Hashable, Sendable {
    public var id: String
    public var arn: String
    public var clusterARN: String
    public var taskDefinitionARN: String
    public var containerInstanceARN: String?
    public var overrides: JSONText
    public var lastStatus: String
    public var desiredStatus: String
    public var cpu: String?
    public var memory: String?
    public var containers: JSONText
    public var startedBy: String?
    public var version: Int64
    public var stopCode: String?
    public var stoppedReason: String?
    public var stoppingAt: String?
    public var stoppedAt: String?
    public var connectivity: String?
    public var connectivityAt: String?
    public var pullStartedAt: String?
    public var pullStoppedAt: String?
    public var executionStoppedAt: String?
    public var createdAt: String
    public var startedAt: String?
    public var launchType: String
    public var platformVersion: String?
    public var platformFamily: String?
    public var taskGroup: String?
    public var attachments: JSONText
    public var healthStatus: String?
    public var tags: JSONText
    public var attributes: JSONText
    public var enableExecuteCommand: Bool
    public var capacityProviderName: String?
    public var ephemeralStorage: JSONText
    public var region: String?
    public var accountID: String?
    public var podName: String?
    public var namespace: String?
    public var serviceRegistries: JSONText

    init(_ fields: RecordFields) throws {
        id = try fields.text("id")
        arn = try fields.text("arn")
        clusterARN = try fields.text("cluster_arn")
        taskDefinitionARN = try fields.text("task_definition_arn")
        containerInstanceARN = try fields.optional("container_instance_arn")
        overrides = try fields.json("overrides")
        lastStatus = try fields.text("last_status")
        desiredStatus = try fields.text("desired_status")
        cpu = try fields.optional("cpu")
        memory = try fields.optional("memory")
        containers = try fields.json("containers")
        startedBy = try fields.optional("started_by")
        version = try fields.integer("version")
        stopCode = try fields.optional("stop_code")
        stoppedReason = try fields.optional("stopped_reason")
        stoppingAt = try fields.optional("stopping_at")
        stoppedAt = try fields.optional("stopped_at")
        connectivity = try fields.optional("connectivity")
        connectivityAt = try fields.optional("connectivity_at")
        pullStartedAt = try fields.optional("pull_started_at")
        pullStoppedAt = try fields.optional("pull_stopped_at")
        executionStoppedAt = try fields.optional("execution_stopped_at")
        createdAt = try fields.text("created_at")
        startedAt = try fields.optional("started_at")
        launchType = try fields.text("launch_type")
        platformVersion = try fields.optional("platform_version")
        platformFamily = try fields.optional("platform_family")
        taskGroup = try fields.optional("task_group")
        attachments = try fields.json("attachments")
        healthStatus = try fields.optional("health_status")
        tags = try fields.json("tags")
        attributes = try fields.json("attributes")
        enableExecuteCommand = try fields.flag("enable_execute_command")
        capacityProviderName = try fields.optional("capacity_provider_name")
        ephemeralStorage = try fields.json("ephemeral_storage")
        region = try fields.optional("region")
        accountID = try fields.optional("account_id")
        podName = try fields.optional("pod_name")
        namespace = try fields.optional("namespace")
        serviceRegistries = try fields.json("service_registries")
    }
}
