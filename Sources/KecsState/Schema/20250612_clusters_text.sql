-- Columns of type JSON become text, by a copy (upstream #107).

-- migrate:up
CREATE TABLE clusters_new (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  name VARCHAR NOT NULL UNIQUE,
  status VARCHAR NOT NULL,
  region VARCHAR,
  account_id VARCHAR,
  configuration VARCHAR,
  settings VARCHAR,
  tags VARCHAR,
  kind_cluster_name VARCHAR,
  registered_container_instances_count INTEGER DEFAULT 0,
  running_tasks_count INTEGER DEFAULT 0,
  pending_tasks_count INTEGER DEFAULT 0,
  active_services_count INTEGER DEFAULT 0,
  capacity_providers VARCHAR,
  default_capacity_provider_strategy VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
INSERT INTO clusters_new (id, arn, name, status, region, account_id, configuration, settings, tags, kind_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, created_at, updated_at)
SELECT id, arn, name, status, region, account_id, configuration, settings, tags, kind_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, created_at, updated_at FROM clusters;
DROP TABLE clusters;
ALTER TABLE clusters_new RENAME TO clusters;

-- migrate:down
CREATE TABLE clusters_new (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  name VARCHAR NOT NULL UNIQUE,
  status VARCHAR NOT NULL,
  region VARCHAR,
  account_id VARCHAR,
  configuration JSON,
  settings JSON,
  tags JSON,
  kind_cluster_name VARCHAR,
  registered_container_instances_count INTEGER DEFAULT 0,
  running_tasks_count INTEGER DEFAULT 0,
  pending_tasks_count INTEGER DEFAULT 0,
  active_services_count INTEGER DEFAULT 0,
  capacity_providers JSON,
  default_capacity_provider_strategy JSON,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
INSERT INTO clusters_new (id, arn, name, status, region, account_id, configuration, settings, tags, kind_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, created_at, updated_at)
SELECT id, arn, name, status, region, account_id, configuration, settings, tags, kind_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, created_at, updated_at FROM clusters;
DROP TABLE clusters;
ALTER TABLE clusters_new RENAME TO clusters;
