// SPDX-License-Identifier: Apache-2.0

/// A revision of a task definition. Columns as in the schema, JSON as stored.
public struct TaskDefinitionRecord: Hashable, Sendable {
    public var id: String
    public var arn: String
    public var family: String
    public var revision: Int64
    public var taskRoleARN: String?
    public var executionRoleARN: String?
    public var networkMode: String
    public var containerDefinitions: JSONText
    public var volumes: JSONText
    public var placementConstraints: JSONText
    public var requiresCompatibilities: JSONText
    public var cpu: String?
    public var memory: String?
    public var tags: JSONText
    public var pidMode: String?
    public var ipcMode: String?
    public var proxyConfiguration: JSONText
    public var inferenceAccelerators: JSONText
    public var runtimePlatform: JSONText
    public var status: String
    public var region: String?
    public var accountID: String?
    public var registeredAt: String
    public var deregisteredAt: String?

    init(_ fields: RecordFields) throws {
        id = try fields.text("id")
        arn = try fields.text("arn")
        family = try fields.text("family")
        revision = try fields.integer("revision")
        taskRoleARN = try fields.optional("task_role_arn")
        executionRoleARN = try fields.optional("execution_role_arn")
        networkMode = try fields.text("network_mode")
        containerDefinitions = try fields.json("container_definitions")
        volumes = try fields.json("volumes")
        placementConstraints = try fields.json("placement_constraints")
        requiresCompatibilities = try fields.json("requires_compatibilities")
        cpu = try fields.optional("cpu")
        memory = try fields.optional("memory")
        tags = try fields.json("tags")
        pidMode = try fields.optional("pid_mode")
        ipcMode = try fields.optional("ipc_mode")
        proxyConfiguration = try fields.json("proxy_configuration")
        inferenceAccelerators = try fields.json("inference_accelerators")
        runtimePlatform = try fields.json("runtime_platform")
        status = try fields.text("status")
        region = try fields.optional("region")
        accountID = try fields.optional("account_id")
        registeredAt = try fields.text("registered_at")
        deregisteredAt = try fields.optional("deregistered_at")
    }
}
