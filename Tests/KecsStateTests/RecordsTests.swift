// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage
import Testing

@Suite struct RecordsTests {
    let folder: ScratchFolder
    let state: StateDatabase

    init() throws {
        folder = try ScratchFolder()
        state = try SampleState.c.load(into: folder["kecs.db"])
    }

    @Test func `every row of the sample is read, cluster by cluster`() throws {
        let all = try state.allRecords()
        #expect(all.clusters.map(\.name) == ["default", "no-k8s", "retired"])
        #expect(all.services.count == 6)
        #expect(all.taskSets.map(\.id) == ["ts-1b2c3d4e", "ts-5f6a7b8c"])
        #expect(all.tasks.count == 5)
        #expect(
            all.taskDefinitions.map { "\($0.family):\($0.revision)" } == [
                "batch-job:1", "service-with-secrets:1", "webapp:1", "webapp:2",
            ])
        #expect(try state.services(of: "arn:aws:ecs:us-east-1:000000000000:cluster/default").count == 6)
        #expect(try state.services(of: "arn:aws:ecs:us-east-1:000000000000:cluster/retired").isEmpty)
    }

    @Test func `NULL, an empty text and JSON's null stay what they are, and all say nothing`() throws {
        let service = try #require(try state.services().first { $0.serviceName == "webapp-service" })
        #expect(service.loadBalancers.text == "null")
        #expect(service.taskDefinitionARN == "")
        #expect(try service.loadBalancers.value() == nil)
        #expect(try service.tags.tags() == ["Environment": "test", "Application": "webapp"])
        let clusters = try state.clusters()
        #expect(clusters[1].k8sClusterName == nil && clusters[1].tags.text == nil)
        let definition = try #require(try state.taskDefinitions().first)
        #expect(definition.cpu == "")
        #expect(try definition.containerDefinitions.array().first?["entryPoint"] == ["sh"])
    }

    @Test func `a task definition is found by ARN, by revision and by family`() throws {
        let index = TaskDefinitionIndex(try state.taskDefinitions())
        #expect(index["arn:aws:ecs:us-east-1:000000000000:task-definition/webapp:1"]?.revision == 1)
        #expect(index["webapp:2"]?.revision == 2)
        #expect(index["webapp"]?.revision == 2)
        #expect(index["webapp:3"] == nil)
        #expect(index["arn:aws:ecs:us-east-1:000000000000:task-definition/missing-family:7"] == nil)
        try state.database.execute(
            "UPDATE task_definitions SET status = 'INACTIVE' WHERE id LIKE '0ada0561%'")
        #expect(TaskDefinitionIndex(try state.taskDefinitions())["webapp"]?.revision == 1)
    }
}
