// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
@testable import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct StateDocumentTests {
    private let now = Moment(seconds: 1_800_000_000)

    private func database(
        _ folder: FilePath, _ name: String, _ sample: SampleState? = nil
    ) throws -> StateDatabase {
        if let sample { return try sample.load(into: folder.appending(name)) }
        return try StateDatabase.create(folder.appending(name), at: Moment(seconds: 0))
    }

    private func difference(
        _ document: JSONValue, _ state: StateDatabase, prune: Bool = false
    ) throws -> StateDocument.Difference {
        var count = 0
        return try StateDocument.difference(of: document, from: state, prune: prune, now: now) {
            count += 1
            return "new-\(count)"
        }
    }

    private func rows(_ state: StateDatabase) throws -> [String: Set<SQLiteRow>] {
        var rows: [String: Set<SQLiteRow>] = [:]
        for table in try state.database.tableRowCounts().keys where !StateDocument.leftOut.contains(table) {
            rows[table] = Set(try state.database.query("SELECT * FROM \(table)"))
        }
        return rows
    }

    private func describe(_ state: StateDatabase, cluster: String? = nil) throws -> JSONValue {
        try #require(try StateDocument.describe(state, cluster: cluster))
    }

    /// Changes one member of one item.
    private func editing(
        _ document: JSONValue, _ list: String, _ index: Int, _ key: String, _ value: JSONValue?
    ) -> JSONValue {
        guard case .object(var members) = document, var items = members[list]?.array,
            case .object(var item) = items[index]
        else { return document }
        item[key] = value
        items[index] = .object(item)
        members[list] = .array(items)
        return .object(members)
    }

    @Test(arguments: SampleState.allCases)
    func `what is exported and imported into an empty database are the same rows, byte for byte`(
        sample: SampleState
    ) throws {
        try withTemporaryFolder { folder in
            let first = try database(folder, "first.db", sample)
            let document = try JSONValue(parsing: try describe(first).text(pretty: true))
            let second = try database(folder, "second.db")
            let difference = try difference(document, second)
            #expect(difference.ignored == [])
            #expect(difference.changes.allSatisfy { $0.verb == .add })
            try second.database.transaction {
                try StateDocument.apply(difference.changes, to: second.database)
            }
            let (mine, theirs) = (try rows(second), try rows(first))
            #expect(Set(mine.keys) == Set(StateTable.all.map(\.name)))
            for (table, rows) in theirs { #expect(mine[table] == rows, "\(table)") }
            #expect(try self.difference(document, second).changes == [])
            #expect(try describe(second) == document)
        }
    }

    @Test func `objects have the shapes of the ECS API`() throws {
        try withTemporaryFolder { folder in
            let document = try describe(try database(folder, "c.db", .c))
            let cluster = try #require(document["clusters"]?.array?.first { $0["clusterName"] == "default" })
            #expect(cluster["clusterArn"] == "arn:aws:ecs:us-east-1:000000000000:cluster/default")
            #expect(cluster["status"] == "ACTIVE")
            #expect(cluster["kecs"]?["k8sClusterName"] == "kecs-brave-lovelace")
            // Said by the ARN.
            #expect(cluster["kecs"]?["region"] == nil)
            let service = try #require(
                document["services"]?.array?.first { $0["serviceName"] == "service-with-secrets" })
            #expect(
                service["taskDefinition"]?.string?.hasSuffix(":task-definition/service-with-secrets:1")
                    == true)
            #expect(service["desiredCount"] == 2)
            #expect(service["enableECSManagedTags"] == true)
            #expect(service["createdAt"] == "2025-09-20T09:10:00.000000Z")
            #expect(
                service["networkConfiguration"]?["awsvpcConfiguration"]?["assignPublicIp"] == "DISABLED")
            #expect(service["loadBalancers"] == nil)
            let definition = try #require(document["taskDefinitions"]?.array?.first)
            #expect(definition["family"] == "batch-job")
            #expect(definition["containerDefinitions"]?.array?.first?["entryPoint"] == ["sh"])
            let task = try #require(document["tasks"]?.array?.first { $0["group"] == "family:batch-job" })
            #expect(task["lastStatus"] == "RUNNING")
            #expect(task["kecs"]?["podName"]?.string?.hasPrefix("task-") == true)
            #expect(document["taskSets"]?.array?.count == 2)
            // Logs are no state.
            #expect(!document.text().contains("upload failed"))
        }
    }

    @Test func `one cluster takes along what its services need, and nothing else`() throws {
        try withTemporaryFolder { folder in
            let b = try database(folder, "b.db", .b)
            let a = SampleState.fixtures.appending("a_single_nginx.sql")
            try b.database.executeScript(String(decoding: a.contents(), as: UTF8.self))
            let document = try describe(b, cluster: "multi-container-alb")
            #expect(document["clusters"]?.array?.count == 1)
            #expect(document["services"]?.array?.map { $0["serviceName"] } == ["webapp"])
            #expect(document["taskDefinitions"]?.array?.allSatisfy { $0["family"] == "webapp" } == true)
            #expect(document["elbv2TargetGroups"]?.array?.count == 1)
            #expect(document["elbv2LoadBalancers"]?.array?.count == 1)
            #expect(document["elbv2Listeners"]?.array?.count == 1)
            #expect(document["elbv2Rules"]?.array?.count == 3)
            #expect(document["elbv2Targets"]?.array?.count == 3)
            #expect(document["settings"] == nil && document["containerInstances"] == nil)
            #expect(try describe(b, cluster: "single-task-nginx")["elbv2LoadBalancers"] == nil)
            #expect(try StateDocument.describe(b, cluster: "nope") == nil)
            // It can be moved.
            let empty = try database(folder, "empty.db")
            let changes = try difference(document, empty).changes
            try empty.database.transaction { try StateDocument.apply(changes, to: empty.database) }
            #expect(try describe(empty) == document)
        }
    }

    @Test func `an edit is told member by member, and wins over the text that was kept`() throws {
        try withTemporaryFolder { folder in
            let state = try database(folder, "c.db", .c)
            var document = try describe(state)
            let index = try #require(
                document["services"]?.array?.firstIndex { $0["serviceName"] == "service-with-secrets" })
            document = editing(document, "services", index, "desiredCount", 5)
            document = editing(document, "services", index, "loadBalancers", [["containerPort": 80]])
            document = editing(document, "services", index, "healthCheckGracePeriodSeconds", nil)
            let changes = try difference(document, state).changes
            #expect(changes.map(\.object) == ["default/service-with-secrets"])
            #expect(
                changes.first?.values.sorted { $0.name < $1.name } == [
                    .init(name: "desiredCount", from: "2", to: "5"),
                    .init(name: "healthCheckGracePeriodSeconds", from: "0", to: nil),
                    .init(name: "loadBalancers", from: "null", to: #"[{"containerPort":80}]"#),
                ])
            try state.database.transaction { try StateDocument.apply(changes, to: state.database) }
            let service = try #require(
                try state.services().first { $0.serviceName == "service-with-secrets" })
            #expect(service.desiredCount == 5)
            #expect(service.loadBalancers.text == #"[{"containerPort":80}]"#)
            // What nobody touched is byte for byte what it was.
            #expect(service.serviceConnectConfiguration.text == "null")
            #expect(try difference(document, state).changes == [])
        }
    }

    @Test func `what people write by hand is enough, and what the API prints besides is told`() throws {
        try withTemporaryFolder { folder in
            let state = try database(folder, "new.db")
            let document: JSONValue = [
                "clusters": [
                    [
                        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/web", "clusterName": "web",
                        "status": "ACTIVE", "statistics": [],
                    ]
                ],
                "services": [
                    [
                        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/web/api",
                        "serviceName": "api",
                        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/web", "desiredCount": 2,
                        "status": "ACTIVE", "createdAt": "2025-09-20T11:00:00.5+02:00", "events": [],
                    ]
                ],
                "tasks": [
                    [
                        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/web/0123456789abcdef",
                        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/web",
                        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:1",
                        "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "launchType": "FARGATE",
                        "createdAt": .real(1_758_358_800.25),
                    ]
                ],
            ]
            let difference = try difference(document, state)
            #expect(difference.ignored == ["clusters: statistics", "services: events"])
            #expect(difference.remarks.count == 1)
            try state.database.transaction { try StateDocument.apply(difference.changes, to: state.database) }
            let records = try state.allRecords()
            #expect(records.clusters[0].region == "eu-west-1")
            #expect(records.clusters[0].accountID == "123456789012")
            #expect(records.clusters[0].createdAt == "2027-01-15T08:00:00.000000Z")
            #expect(records.services[0].createdAt == "2025-09-20T09:00:00.500000Z")
            #expect(records.services[0].schedulingStrategy == "REPLICA")
            #expect(records.tasks[0].id == "0123456789abcdef")
            #expect(records.tasks[0].createdAt == "2025-09-20T09:00:00.250000Z")
            #expect(records.tasks[0].containers.text == "")
            // Without “kecs” what KECS has added stays.
            try state.database.execute("UPDATE clusters SET k8s_cluster_name = 'kecs-web'")
            #expect(try self.difference(document, state).changes == [])
        }
    }

    @Test func `pruning removes from the clusters of the document only`() throws {
        try withTemporaryFolder { folder in
            let state = try database(folder, "c.db", .c)
            let whole = try describe(state)
            guard case .object(var members) = whole else { return }
            let kept = try #require(
                members["services"]?.array?.filter { $0["serviceName"] != "webapp-service" })
            members["services"] = .array(kept)
            members["taskSets"] = nil
            members["clusters"] = .array(
                try #require(whole["clusters"]?.array?.filter { $0["clusterName"] == "default" }))
            #expect(try difference(.object(members), state).changes == [])
            let changes = try difference(.object(members), state, prune: true).changes
            #expect(
                changes.map { "\($0.verb) \($0.table) \($0.object)" } == [
                    "remove task_sets default/webapp-service/ts-5f6a7b8c",
                    "remove task_sets default/webapp-service/ts-1b2c3d4e",
                    "remove services default/webapp-service",
                ])
            try state.database.transaction { try StateDocument.apply(changes, to: state.database) }
            #expect(try state.clusters().count == 3)
            #expect(try state.services().count == kept.count)
        }
    }

    @Test(arguments: [
        (#"[]"#, "the document"), (#"{"kind":"BackupList"}"#, "kind"), (#"{"servces":[]}"#, "servces"),
        (#"{"clusters":{}}"#, "clusters"), (#"{"clusters":[1]}"#, "clusters[0]"),
        (#"{"clusters":[{"clusterName":"x","status":"ACTIVE"}]}"#, "clusters[0].clusterArn"),
        (#"{"clusters":[{"clusterArn":"a","clusterName":7,"status":"ACTIVE"}]}"#, "clusters[0].clusterName"),
        (#"{"clusters":[{"clusterArn":"a","status":"ACTIVE"}]}"#, "clusters[0].clusterName"),
        (#"{"clusters":[{"clusterArn":"a","clusterName":"x","status":null}]}"#, "clusters[0].status"),
        (
            #"{"clusters":[{"clusterArn":"a","clusterName":"x","status":"A"},{"clusterArn":"a","clusterName":"x","status":"A"}]}"#,
            "clusters[1]"
        ),
        (
            #"{"clusters":[{"clusterArn":"a","clusterName":"x","status":"A","kecs":{"createdAt":"yesterday"}}]}"#,
            "clusters[0].kecs.createdAt"
        ),
        (#"{"clusters":[{"clusterArn":"a","clusterName":"x","status":"A","tags":"x"}]}"#, "clusters[0].tags"),
    ])
    func `a document that makes no sense is refused with its place`(text: String, place: String) throws {
        try withTemporaryFolder { folder in
            let state = try database(folder, "new.db")
            let document = try JSONValue(parsing: text)
            let error = #expect(throws: StateDocumentError.self) { _ = try difference(document, state) }
            #expect(error?.place == place)
        }
    }

    @Test func `a row that would refer to nothing takes all others along`() throws {
        try withTemporaryFolder { folder in
            let state = try database(folder, "new.db")
            let c = try database(folder, "c.db", .c)
            guard case .object(var members) = try describe(c) else { return }
            members["clusters"] = nil
            let changes = try difference(.object(members), state).changes
            #expect(throws: StateError.self) {
                try state.database.transaction { try StateDocument.apply(changes, to: state.database) }
            }
            #expect(try state.taskDefinitions().isEmpty)
        }
    }
}
