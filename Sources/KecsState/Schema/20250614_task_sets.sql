-- Task sets (upstream #123), container instances and attributes (#131).

-- migrate:up
CREATE TABLE task_sets (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  service_arn VARCHAR NOT NULL,
  cluster_arn VARCHAR NOT NULL,
  external_id VARCHAR,
  task_definition VARCHAR NOT NULL,
  launch_type VARCHAR,
  platform_version VARCHAR,
  platform_family VARCHAR,
  network_configuration VARCHAR,
  load_balancers VARCHAR,
  service_registries VARCHAR,
  capacity_provider_strategy VARCHAR,
  scale VARCHAR,
  computed_desired_count INTEGER NOT NULL DEFAULT 0,
  pending_count INTEGER NOT NULL DEFAULT 0,
  running_count INTEGER NOT NULL DEFAULT 0,
  status VARCHAR NOT NULL,
  stability_status VARCHAR,
  stability_status_at TIMESTAMP,
  started_by VARCHAR,
  tags VARCHAR,
  fargate_ephemeral_storage VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (service_arn, id)
);
CREATE TABLE container_instances (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  cluster_arn VARCHAR NOT NULL,
  ec2_instance_id VARCHAR,
  status VARCHAR NOT NULL,
  status_reason VARCHAR,
  agent_connected BOOLEAN NOT NULL DEFAULT false,
  agent_update_status VARCHAR,
  running_tasks_count INTEGER NOT NULL DEFAULT 0,
  pending_tasks_count INTEGER NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 1,
  version_info VARCHAR,
  registered_resources VARCHAR,
  remaining_resources VARCHAR,
  attributes VARCHAR,
  attachments VARCHAR,
  tags VARCHAR,
  capacity_provider_name VARCHAR,
  health_status VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  registered_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  deregistered_at TIMESTAMP
);
CREATE TABLE attributes (
  id VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL,
  value VARCHAR,
  target_type VARCHAR NOT NULL,
  target_id VARCHAR NOT NULL,
  cluster VARCHAR NOT NULL,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (name, target_type, target_id, cluster)
);

-- migrate:down
DROP TABLE attributes;
DROP TABLE container_instances;
DROP TABLE task_sets;
