// SPDX-License-Identifier: Apache-2.0
import KecsSystem
@testable import KecsState
import Testing

@Suite struct KubernetesTranslationTests {
    let cluster: ClusterTranslation
    let service: ServiceRecord
    let definition: TaskDefinitionRecord

    init() throws {
        let records = try SampleState.a.records()
        cluster = ClusterTranslation(try #require(records.clusters.first))
        service = try #require(records.services.first)
        definition = try #require(records.taskDefinitions.first)
    }

    private func translate(
        _ containers: String, service change: (inout ServiceRecord) -> Void = { _ in },
        definition changeDefinition: (inout TaskDefinitionRecord) -> Void = { _ in }
    ) throws -> Translation {
        var (service, definition) = (service, definition)
        definition.containerDefinitions = JSONText(containers)
        definition.cpu = ""
        definition.memory = ""
        changeDefinition(&definition)
        change(&service)
        return try cluster.translate(service, definition)
    }

    private func pod(_ translation: Translation) -> JSONValue? {
        translation.objects.first?.manifest["spec"]?["template"]?["spec"]
    }

    private func container(_ fields: String, cpu: String = "", memory: String = "") throws -> JSONValue? {
        let translation = try translate(
            #"[{"name":"a","image":"i",\#(fields)}]"#,
            definition: {
                $0.cpu = cpu
                $0.memory = memory
            })
        return pod(translation)?["containers"]?.array?.first
    }

    @Test func `the entry point is the command, and the command its arguments`() throws {
        let both = try container(#""entryPoint":["sh","-c"],"command":["echo $(date) $$"]"#)
        #expect(both?["command"] == ["sh", "-c"])
        #expect(both?["args"] == ["echo $$(date) $$$$"])
        #expect(try container(#""command":["echo $HOME"],"entryPoint":[]"#)?["args"] == ["echo $HOME"])
    }

    @Test func `what Kubernetes would expand in variables and probes is escaped`() throws {
        let made = try container(
            #""environment":[{"name":"A","value":"$(B)"}],"healthCheck":{"command":["CMD-SHELL","test $(id -u) = 0"]}"#
        )
        #expect(made?["env"] == [["name": "A", "value": "$$(B)"]])
        #expect(made?["livenessProbe"]?["exec"]?["command"] == ["/bin/sh", "-c", "test $$(id -u) = 0"])
        #expect(made?["startupProbe"] == nil)
    }

    @Test(arguments: [
        (
            #""cpu":256,"memory":512"#, "", "",
            #"{"limits":{"memory":"512Mi"},"requests":{"cpu":"250m","memory":"512Mi"}}"#
        ),
        (
            #""memory":512,"memoryReservation":128"#, "", "",
            #"{"limits":{"memory":"512Mi"},"requests":{"memory":"128Mi"}}"#
        ),
        (
            #""cpu":0"#, "0.25 vCPU", "1 GB",
            #"{"limits":{"cpu":"250m","memory":"1024Mi"},"requests":{"cpu":"250m","memory":"1024Mi"}}"#
        ),
        (#""cpu":1"#, "1024", "", #"{"limits":{"cpu":"1000m"},"requests":{"cpu":"1m"}}"#),
        (#""cpu":0"#, "", "", "null"),
    ])
    func `sizes are requests and limits`(fields: String, cpu: String, memory: String, expected: String) throws
    {
        let resources = try container(fields, cpu: cpu, memory: memory)?["resources"]
        #expect((resources ?? .null).text() == expected)
    }

    @Test func `a size that is none fails the service`() {
        #expect(throws: TranslationFailure("the task's cpu “much” is no size")) {
            try container(#""cpu":1"#, cpu: "much")
        }
    }

    @Test func `containers start in the order in which they wait for each other`() throws {
        let translation = try translate(
            """
            [{"name":"app","image":"i","dependsOn":[{"containerName":"db","condition":"HEALTHY"},{"containerName":"init","condition":"SUCCESS"}]},
             {"name":"db","image":"i","healthCheck":{"command":["CMD","ready"],"interval":5,"retries":4},"dependsOn":[{"containerName":"init","condition":"COMPLETE"}]},
             {"name":"init","image":"i","essential":false},{"name":"log","image":"i"}]
            """)
        let first = pod(translation)?["initContainers"]?.array ?? []
        #expect(first.map { $0["name"] } == ["init", "db"])
        #expect(first.map { $0["restartPolicy"] } == [nil, "Always"])
        #expect(first.last?["startupProbe"]?["failureThreshold"] == 4)
        #expect(pod(translation)?["containers"]?.array?.map { $0["name"] } == ["app", "log"])
        #expect(translation.notes.contains { $0.field == "dependsOn" && $0.why.contains("end with success") })
    }

    @Test func `containers that wait in a circle, or for nobody, start at once and it is said`() throws {
        let circle = try translate(
            """
            [{"name":"a","image":"i","dependsOn":[{"containerName":"b","condition":"START"}]},
             {"name":"b","image":"i","dependsOn":[{"containerName":"a","condition":"START"},{"containerName":"z","condition":"START"}]}]
            """)
        #expect(pod(circle)?["initContainers"] == nil)
        #expect(circle.notes.filter { $0.field == "dependsOn" }.count == 2)
    }

    @Test(arguments: [
        ("arn:aws:secretsmanager:r:1:secret:My/prod_db-AbCdEf", "sm-my-prod-db", "value"),
        ("arn:aws:secretsmanager:r:1:secret:db-AbCdEf:user::", "sm-db", "user"),
        ("arn:aws:secretsmanager:r:1:secret:plain", "sm-plain", "value"),
        ("arn:aws:ssm:r:1:parameter/a/b_c", "ssm-a-b-c", "value"), ("/a/b", "ssm-a-b", "value"),
        ("a.b", "ssm-a.b", "value"),
    ])
    func `a secret is referred to by upstream's name for it`(source: String, name: String, key: String) throws
    {
        let made = try container(#""secrets":[{"name":"S","valueFrom":"\#(source)"}]"#)
        #expect(
            made?["env"] == [
                ["name": "S", "valueFrom": ["secretKeyRef": ["name": .string(name), "key": .string(key)]]]
            ])
    }

    @Test func `what cannot be said is in the notes, and nothing else is`() throws {
        let translation = try translate(
            """
            [{"name":"a","image":"i","user":"nobody","ulimits":[{"name":"nofile","softLimit":1,"hardLimit":2}],"links":["b"],
              "linuxParameters":{"initProcessEnabled":true,"capabilities":{"add":["NET_ADMIN"]}},"secrets":[{"name":"S","valueFrom":"arn:aws:x"}],
              "logConfiguration":{"logDriver":"splunk"},"systemControls":[],"disableNetworking":false,"hostname":"",
              "portMappings":[{"containerPort":80,"hostPort":8080},{"containerPortRange":"1-2"}],"brandNew":{"x":1}}]
            """,
            service: { $0.deploymentConfiguration = JSONText("null") },
            definition: {
                $0.volumes = JSONText(#"[{"name":"V","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]"#)
            })
        #expect(
            translation.notes.map(\.field).sorted() == [
                "brandNew", "links", "linuxParameters", "logConfiguration", "portMappings", "portMappings",
                "secrets",
                "ulimits", "user", "volumes",
            ])
        #expect(
            pod(translation)?["containers"]?.array?.first?["securityContext"] == [
                "capabilities": ["add": ["NET_ADMIN"]]
            ])
    }

    @Test func `users, folders, mounts and host paths are kept`() throws {
        let translation = try translate(
            """
            [{"name":"a","image":"i","user":"1000:0","workingDirectory":"/w","readonlyRootFilesystem":true,
              "mountPoints":[{"sourceVolume":"host data","containerPath":"/d"}]},
             {"name":"b","image":"i","volumesFrom":[{"sourceContainer":"a","readOnly":true}]}]
            """,
            definition: { $0.volumes = JSONText(#"[{"name":"host data","host":{"sourcePath":"/srv"}}]"#) })
        let containers = pod(translation)?["containers"]?.array
        let volume = KubernetesNames.label("host data")
        #expect(
            containers?[0]["securityContext"] == [
                "runAsUser": 1000, "runAsGroup": 0, "readOnlyRootFilesystem": true,
            ])
        #expect(containers?[0]["workingDir"] == "/w")
        #expect(
            containers?[1]["volumeMounts"] == [
                ["name": .string(volume), "mountPath": "/d", "readOnly": true]
            ])
        #expect(pod(translation)?["volumes"] == [["name": .string(volume), "hostPath": ["path": "/srv"]]])
    }

    @Test func `a service is reached as its balancers and its address say`() throws {
        func type(_ balancers: String, publicIP: Bool) throws -> [JSONValue?] {
            try translate(
                #"[{"name":"a","image":"i","portMappings":[{"containerPort":53,"protocol":"udp"},{"containerPort":53}]}]"#
            ) {
                $0.loadBalancers = JSONText(balancers)
                $0.networkConfiguration = JSONText(
                    #"{"awsvpcConfiguration":{"assignPublicIp":"\#(publicIP ? "ENABLED" : "DISABLED")"}}"#)
            }.objects.filter { $0.id.kind == "Service" }.map { $0.manifest["spec"]?["type"] }
        }
        #expect(try type("null", publicIP: false) == [])
        #expect(try type("[]", publicIP: true) == ["NodePort"])
        #expect(try type(#"[{"containerName":"a"}]"#, publicIP: false) == ["ClusterIP"])
        #expect(
            try type(#"[{"targetGroupArn":"arn:x:targetgroup/g/1"}]"#, publicIP: true) == ["LoadBalancer"])
    }

    @Test func `several target groups are an annotation, since a label cannot hold them`() throws {
        let translation = try translate(#"[{"name":"a","image":"i"}]"#) {
            $0.loadBalancers = JSONText(
                #"[{"targetGroupArn":"a:targetgroup/g/1"},{"targetGroupArn":"a:targetgroup/h/2"}]"#)
        }
        let metadata = translation.objects.first?.manifest["metadata"]
        #expect(metadata?["annotations"]?["kecs.io/elbv2-target-group-names"] == "g,h")
        #expect(metadata?["labels"]?["kecs.io/elbv2-target-group-name"] == nil)
        #expect(translation.notes.contains { $0.field == "portMappings" })
    }

    @Test(arguments: ["[]", #"[{"name":"a"}]"#, #"[{"image":"i"}]"#])
    func `a definition without a container, name or image fails`(containers: String) {
        #expect(throws: TranslationFailure.self) { try translate(containers) }
    }

    @Test func `names that Kubernetes refuses are changed, and different names stay different`() {
        #expect(KubernetesNames.label("web-1") == "web-1")
        let changed = [
            "Web", "web_", "web.", "_", "Ünï", String(repeating: "a", count: 64),
            String(repeating: "a", count: 65),
        ]
        .map(KubernetesNames.label)
        #expect(changed.allSatisfy(KubernetesNames.isLabel), "\(changed)")
        #expect(Set(changed).count == changed.count)
        #expect(KubernetesNames.labelValue("-a/b:c_") == "a-b-c")
        #expect(KubernetesNames.labelValue(String(repeating: "x", count: 100)).count == 63)
    }
}
