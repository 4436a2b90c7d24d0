// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState

/// Services as people write them and samples never do: sixty of them, always the same ones.
struct PeculiarServices {
    struct Service {
        var name: String
        var containers: String
        var volumes = "[]"
        var cpu = ""
        var memory = ""
        var network = "bridge"
        var strategy = "REPLICA"
        var desired = 1
        var balanced = true
        /// A part of the reason for which it must be refused; nil: it must come back.
        var refusal: String?
    }

    static let all: [Service] = named + shaped + refused

    /// With names that Kubernetes takes in one place and not in another.
    private static let named: [Service] = [
        "1web", "2048-game", "svc-1web", "svc-svc-9", "Web", "web_a", "WEB_A", "a", "-lead", "trail-",
        "snake_case_service", "dotted.name.of-service", "CamelCaseService", "x--y", "0", "svc-web",
        String(repeating: "long-name-", count: 8), String(repeating: "9", count: 80),
        String(repeating: "A_b", count: 60), "ends-with-digit-9",
    ].map { Service(name: $0, containers: container(#""portMappings":[{"containerPort":80}]"#)) }

    private static func container(_ fields: String, name: String = "app") -> String {
        #"[{"name":"\#(name)","image":"nginx:1","essential":true,\#(fields)}]"#
    }

    private static let shaped: [Service] = [
        .init(
            name: "twice-env",
            containers: container(
                #""environment":[{"name":"A","value":"1"},{"name":"B","value":"x"},{"name":"A","value":"2"}]"#
            )),
        .init(
            name: "env-and-secret",
            containers: container(
                #""environment":[{"name":"DB","value":"plain"}],"secrets":[{"name":"DB","valueFrom":"arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf"}]"#
            )),
        .init(
            name: "secret-twice",
            containers: container(
                #""secrets":[{"name":"DB","valueFrom":"/a/b"},{"name":"DB","valueFrom":"/a/c"}]"#)),
        .init(
            name: "odd-env",
            containers: container(
                #""environment":[{"name":"1ST","value":"1"},{"name":"a b","value":"x"},{"name":"a.b-c","value":""}]"#
            )),
        .init(
            name: "odd-secret-key",
            containers: container(
                #""secrets":[{"name":"K","valueFrom":"arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf:a key::"}]"#
            )),
        .init(
            name: "port-twice",
            containers: container(
                #""portMappings":[{"containerPort":80},{"containerPort":80,"protocol":"tcp"}]"#)),
        .init(
            name: "udp-and-tcp",
            containers: container(
                #""portMappings":[{"containerPort":53,"protocol":"udp"},{"containerPort":53},{"containerPort":8053}]"#
            )),
        .init(
            name: "port-range",
            containers: container(
                #""portMappings":[{"containerPortRange":"8000-8010"},{"containerPort":9000}]"#)),
        .init(
            name: "hosts-one-address",
            containers: container(
                #""extraHosts":[{"hostname":"db","ipAddress":"10.0.0.1"},{"hostname":"cache","ipAddress":"10.0.0.1"},{"hostname":"My_Host","ipAddress":"10.0.0.2"},{"hostname":"UPPER.example","ipAddress":"10.0.0.3"}]"#
            )),
        .init(
            name: "hosts-no-address",
            containers: container(
                #""extraHosts":[{"hostname":"gw","ipAddress":"host-gateway"},{"hostname":"v6","ipAddress":"fd00::1"},{"hostname":"o","ipAddress":"010.0.0.1"}]"#
            )),
        .init(
            name: "mount-twice-the-same",
            containers: container(
                #""mountPoints":[{"sourceVolume":"d","containerPath":"/d"},{"sourceVolume":"d","containerPath":"/d"}]"#
            ),
            volumes: #"[{"name":"d"}]"#),
        .init(
            name: "volumes-from",
            containers:
                #"[{"name":"a","image":"i","mountPoints":[{"sourceVolume":"x","containerPath":"/data"}]},{"name":"b","image":"i","volumesFrom":[{"sourceContainer":"a"}],"mountPoints":[{"sourceVolume":"y","containerPath":"/data"}]}]"#,
            volumes: #"[{"name":"x"},{"name":"y"}]"#),
        .init(
            name: "volume-names",
            containers: container(
                #""mountPoints":[{"sourceVolume":"My_Data","containerPath":"/a"},{"sourceVolume":"my.data","containerPath":"/b"}]"#
            ),
            volumes:
                #"[{"name":"My_Data"},{"name":"my.data","host":{"sourcePath":"/srv/x"}},{"name":"My_Data"}]"#),
        .init(
            name: "efs",
            containers: container(
                #""mountPoints":[{"sourceVolume":"e","containerPath":"/e","readOnly":true}]"#),
            volumes: #"[{"name":"e","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]"#),
        .init(
            name: "sizes", containers: container(#""cpu":128,"memory":256,"memoryReservation":64"#),
            cpu: "256", memory: "512"),
        .init(name: "vcpu", containers: container(#""cpu":0"#), cpu: "0.25 vCPU", memory: "0.5 GB"),
        .init(
            name: "gpu",
            containers: container(
                #""resourceRequirements":[{"type":"GPU","value":"1"},{"type":"GPU","value":"all"}]"#)),
        .init(
            name: "sidecar",
            containers:
                #"[{"name":"app","image":"i","dependsOn":[{"containerName":"proxy","condition":"HEALTHY"}],"portMappings":[{"containerPort":8080}]},{"name":"proxy","image":"p","healthCheck":{"command":["CMD-SHELL","true"]},"portMappings":[{"containerPort":9901}]}]"#
        ),
        .init(
            name: "init",
            containers:
                #"[{"name":"app","image":"i","dependsOn":[{"containerName":"migrate","condition":"SUCCESS"}]},{"name":"migrate","image":"m","essential":false,"healthCheck":{"command":["CMD","x"]}}]"#
        ),
        .init(
            name: "three-containers-one-port",
            containers:
                #"[{"name":"a","image":"i","portMappings":[{"containerPort":80}]},{"name":"b_B","image":"i","portMappings":[{"containerPort":80}]},{"name":"c","image":"i"}]"#
        ),
        .init(
            name: "host-network",
            containers:
                #"[{"name":"a","image":"i","portMappings":[{"containerPort":80,"hostPort":80}]},{"name":"b","image":"i","portMappings":[{"containerPort":80},{"containerPort":81}]}]"#,
            network: "host"),
        .init(
            name: "daemon",
            containers: container(#""portMappings":[{"containerPort":8125,"protocol":"udp"}]"#),
            network: "host", strategy: "DAEMON", desired: 0),
        .init(name: "7-daemon", containers: container(#""cpu":10"#), strategy: "DAEMON", desired: 0),
        .init(name: "none", containers: container(#""cpu":10"#), desired: 0),
        .init(
            name: "healthy",
            containers: container(
                #""healthCheck":{"command":["CMD"],"interval":0,"timeout":99999999999,"retries":99999999999,"startPeriod":99999999999}"#
            )),
        .init(
            name: "odd-probe",
            containers: container(
                #""healthCheck":{"command":["CMD-SHELL","curl -f http://$(hostname)"],"interval":9999999999,"retries":9999999999,"startPeriod":300}"#
            )),
        .init(name: "user", containers: container(#""user":"4294967295:0","stopTimeout":-5"#)),
        .init(
            name: "user-name",
            containers: container(#""user":"www-data","privileged":true,"readonlyRootFilesystem":true"#)),
        .init(
            name: "empty-lists",
            containers: container(#""environment":[],"portMappings":[],"command":[],"secrets":[]"#)),
        .init(
            name: "long-container",
            containers: container(
                #""logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g"}}"#,
                name: String(repeating: "container_Name-", count: 12))),
    ]

    private static let refused: [Service] = [
        .init(
            name: "cpu-above", containers: container(#""cpu":512"#), cpu: "256", memory: "512",
            refusal: "its cpu 512 is above the task's 256"),
        .init(
            name: "reservation-above", containers: container(#""memory":128,"memoryReservation":256"#),
            refusal: "its memoryReservation 256 is above its memory 128"),
        .init(
            name: "unknown-volume",
            containers: container(#""mountPoints":[{"sourceVolume":"nope","containerPath":"/d"}]"#),
            refusal: "mounts the volume “nope”, which the task does not have"),
        .init(
            name: "two-volumes-one-place",
            containers: container(
                #""mountPoints":[{"sourceVolume":"a","containerPath":"/d"},{"sourceVolume":"b","containerPath":"/d"}]"#
            ),
            volumes: #"[{"name":"a"},{"name":"b"}]"#, refusal: "mounts two volumes at /d"),
        .init(
            name: "same-container", containers: #"[{"name":"a","image":"i"},{"name":"a","image":"j"}]"#,
            refusal: "two containers called “a”"),
        .init(
            name: "same-volume", containers: container(#""cpu":1"#),
            volumes: #"[{"name":"a"},{"name":"a","host":{"sourcePath":"/x"}}]"#,
            refusal: "two volumes called “a”"),
        .init(
            name: "dots", containers: container(#""cpu":1"#),
            volumes: #"[{"name":"a","host":{"sourcePath":"/x/../y"}}]"#,
            refusal: "“..” is refused"),
        .init(
            name: "protocol",
            containers: container(#""portMappings":[{"containerPort":80,"protocol":"icmp"}]"#),
            refusal: "ECS knows tcp and udp"),
        .init(
            name: "negative", containers: container(#""cpu":1"#), desired: -1,
            refusal: "its desired count is -1"),
        .init(
            name: "blank-image", containers: #"[{"name":"a","image":" nginx"}]"#,
            refusal: "begins or ends with a blank"),
    ]

    /// Puts them into a database that holds the sample `a_single_nginx`, in place of its own service.
    static func write(_ services: [Service] = all, into state: StateDatabase) throws {
        let database = state.database
        try database.execute("DELETE FROM tasks")
        try database.execute("DELETE FROM services")
        for (index, service) in services.enumerated() {
            let family = "f\(index)"
            try database.execute(
                """
                INSERT INTO task_definitions (id, arn, family, revision, network_mode, container_definitions, volumes, cpu,
                    memory, status, region, account_id, registered_at)
                VALUES (?1, ?2, ?1, 1, ?3, ?4, ?5, ?6, ?7, 'ACTIVE', 'us-east-1', '1', '2026-01-01T00:00:00Z')
                """, .text(family), .text("arn:aws:ecs:us-east-1:1:task-definition/\(family):1"),
                .text(service.network), .text(service.containers), .text(service.volumes), .text(service.cpu),
                .text(service.memory))
            try database.execute(
                """
                INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, launch_type,
                    status, scheduling_strategy, load_balancers, region, account_id, created_at, updated_at)
                VALUES (?1, ?2, ?3, (SELECT arn FROM clusters LIMIT 1), ?4, ?5, 'FARGATE', 'ACTIVE', ?6, ?7, 'us-east-1',
                    '1', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')
                """, .text("s\(index)"), .text("arn:aws:ecs:us-east-1:1:service/c/s\(index)"),
                .text(service.name),
                .text("arn:aws:ecs:us-east-1:1:task-definition/\(family):1"),
                .integer(Int64(service.desired)),
                .text(service.strategy),
                .text(
                    service.balanced
                        ? #"[{"targetGroupArn":"arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/g/1"}]"#
                        : "[]"))
        }
    }
}
