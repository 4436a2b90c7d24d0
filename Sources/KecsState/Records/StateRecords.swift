// SPDX-License-Identifier: Apache-2.0
import KecsSQLite

/// The records of a database that recovery and export need, as of one moment.
public struct StateRecords: Hashable, Sendable {
    public var clusters: [ClusterRecord]
    public var taskDefinitions: [TaskDefinitionRecord]
    public var services: [ServiceRecord]
    public var taskSets: [TaskSetRecord]
    public var tasks: [TaskRecord]
}

/// Finds the task definitions that services, tasks and task sets name.
public struct TaskDefinitionIndex: Sendable {
    private var byName: [String: TaskDefinitionRecord] = [:]
    private var newest: [String: TaskDefinitionRecord] = [:]

    public init(_ definitions: [TaskDefinitionRecord]) {
        for definition in definitions {
            byName["\(definition.family):\(definition.revision)"] = definition
            guard definition.status == "ACTIVE" else { continue }
            if definition.revision > newest[definition.family]?.revision ?? 0 {
                newest[definition.family] = definition
            }
        }
    }

    /// - Parameter reference: An ARN, `family:revision`, or `family` alone for its newest active revision. Families are
    ///   unique over regions and accounts.
    public subscript(reference: String) -> TaskDefinitionRecord? {
        let name = Self.name(reference)
        return name.contains(":") ? byName[name] : newest[name]
    }

    /// Returns `family:revision` or `family`, the end of an ARN.
    public static func name(_ reference: String) -> String {
        guard reference.hasPrefix("arn:"), let slash = reference.lastIndex(of: "/") else { return reference }
        return String(reference[reference.index(after: slash)...])
    }
}

extension StateDatabase {
    /// Returns the clusters in the order of their names, as are all lists here.
    public func clusters() throws -> [ClusterRecord] {
        try records(of: "clusters", "ORDER BY name", as: ClusterRecord.init)
    }

    /// - Parameter clusterARN: Nil for those of every cluster.
    public func services(of clusterARN: String? = nil) throws -> [ServiceRecord] {
        try records(of: "services", clusterARN, order: "cluster_arn, service_name", as: ServiceRecord.init)
    }

    public func taskSets(of clusterARN: String? = nil) throws -> [TaskSetRecord] {
        try records(of: "task_sets", clusterARN, order: "service_arn, id", as: TaskSetRecord.init)
    }

    public func tasks(of clusterARN: String? = nil) throws -> [TaskRecord] {
        try records(of: "tasks", clusterARN, order: "cluster_arn, id", as: TaskRecord.init)
    }

    public func taskDefinitions() throws -> [TaskDefinitionRecord] {
        try records(of: "task_definitions", "ORDER BY family, revision", as: TaskDefinitionRecord.init)
    }

    /// Returns everything, read in one transaction.
    public func allRecords() throws -> StateRecords {
        try database.reading {
            StateRecords(
                clusters: try clusters(), taskDefinitions: try taskDefinitions(),
                services: try services(), taskSets: try taskSets(), tasks: try tasks())
        }
    }

    private func records<Record>(
        of table: String, _ clusterARN: String?, order: String, as make: (RecordFields) throws -> Record
    ) throws -> [Record] {
        guard let clusterARN else { return try records(of: table, "ORDER BY \(order)", as: make) }
        return try records(
            of: table, "WHERE cluster_arn = ? ORDER BY \(order)", [.text(clusterARN)], as: make)
    }
}
