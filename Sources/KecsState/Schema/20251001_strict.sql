-- The schema of kecsctl's own: the same columns in strict tables, with checks and foreign keys. It ends in
-- what 0001_initial.sql makes from nothing. Rows that do not fit are kept as rejects.

-- migrate:up
CREATE TABLE IF NOT EXISTS kecsctl_import_rejects (
  id INTEGER PRIMARY KEY, source_table TEXT NOT NULL, source_key TEXT,
  reason TEXT NOT NULL, row_json TEXT NOT NULL CHECK (json_valid(row_json)),
  rejected_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS kecsctl_meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
ALTER TABLE clusters RENAME TO kecsctl_old_clusters;
ALTER TABLE task_definitions RENAME TO kecsctl_old_task_definitions;
ALTER TABLE services RENAME TO kecsctl_old_services;
ALTER TABLE tasks RENAME TO kecsctl_old_tasks;
ALTER TABLE account_settings RENAME TO kecsctl_old_account_settings;
ALTER TABLE task_sets RENAME TO kecsctl_old_task_sets;
ALTER TABLE container_instances RENAME TO kecsctl_old_container_instances;
ALTER TABLE attributes RENAME TO kecsctl_old_attributes;
ALTER TABLE elbv2_load_balancers RENAME TO kecsctl_old_elbv2_load_balancers;
ALTER TABLE elbv2_target_groups RENAME TO kecsctl_old_elbv2_target_groups;
ALTER TABLE elbv2_listeners RENAME TO kecsctl_old_elbv2_listeners;
ALTER TABLE elbv2_targets RENAME TO kecsctl_old_elbv2_targets;
ALTER TABLE elbv2_rules RENAME TO kecsctl_old_elbv2_rules;
ALTER TABLE task_logs RENAME TO kecsctl_old_task_logs;

CREATE TABLE clusters (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  region TEXT,
  account_id TEXT,
  configuration TEXT CHECK (configuration IS NULL OR configuration = '' OR json_valid(configuration)),
  settings TEXT CHECK (settings IS NULL OR settings = '' OR json_valid(settings)),
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  k8s_cluster_name TEXT,
  registered_container_instances_count INTEGER DEFAULT 0,
  running_tasks_count INTEGER DEFAULT 0,
  pending_tasks_count INTEGER DEFAULT 0,
  active_services_count INTEGER DEFAULT 0,
  capacity_providers TEXT CHECK (capacity_providers IS NULL OR capacity_providers = '' OR json_valid(capacity_providers)),
  default_capacity_provider_strategy TEXT CHECK (default_capacity_provider_strategy IS NULL OR default_capacity_provider_strategy = '' OR json_valid(default_capacity_provider_strategy)),
  localstack_state TEXT CHECK (localstack_state IS NULL OR localstack_state = '' OR json_valid(localstack_state)),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE task_definitions (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  family TEXT NOT NULL,
  revision INTEGER NOT NULL CHECK (revision >= 1),
  task_role_arn TEXT,
  execution_role_arn TEXT,
  network_mode TEXT NOT NULL DEFAULT 'bridge',
  container_definitions TEXT NOT NULL CHECK (json_valid(container_definitions)),
  volumes TEXT CHECK (volumes IS NULL OR volumes = '' OR json_valid(volumes)),
  placement_constraints TEXT CHECK (placement_constraints IS NULL OR placement_constraints = '' OR json_valid(placement_constraints)),
  requires_compatibilities TEXT CHECK (requires_compatibilities IS NULL OR requires_compatibilities = '' OR json_valid(requires_compatibilities)),
  cpu TEXT,
  memory TEXT,
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  pid_mode TEXT,
  ipc_mode TEXT,
  proxy_configuration TEXT CHECK (proxy_configuration IS NULL OR proxy_configuration = '' OR json_valid(proxy_configuration)),
  inference_accelerators TEXT CHECK (inference_accelerators IS NULL OR inference_accelerators = '' OR json_valid(inference_accelerators)),
  runtime_platform TEXT CHECK (runtime_platform IS NULL OR runtime_platform = '' OR json_valid(runtime_platform)),
  status TEXT NOT NULL DEFAULT 'ACTIVE',
  region TEXT,
  account_id TEXT,
  registered_at TEXT NOT NULL,
  deregistered_at TEXT,
  UNIQUE (family, revision)
) STRICT;
CREATE TABLE services (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  service_name TEXT NOT NULL,
  cluster_arn TEXT NOT NULL REFERENCES clusters(arn) ON UPDATE CASCADE ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
  task_definition_arn TEXT,             -- '' for EXTERNAL controllers, so no foreign key
  desired_count INTEGER NOT NULL DEFAULT 0,
  running_count INTEGER NOT NULL DEFAULT 0,
  pending_count INTEGER NOT NULL DEFAULT 0,
  launch_type TEXT,
  platform_version TEXT,
  status TEXT NOT NULL,
  role_arn TEXT,
  load_balancers TEXT CHECK (load_balancers IS NULL OR load_balancers = '' OR json_valid(load_balancers)),
  service_registries TEXT CHECK (service_registries IS NULL OR service_registries = '' OR json_valid(service_registries)),
  network_configuration TEXT CHECK (network_configuration IS NULL OR network_configuration = '' OR json_valid(network_configuration)),
  deployment_configuration TEXT CHECK (deployment_configuration IS NULL OR deployment_configuration = '' OR json_valid(deployment_configuration)),
  deployment_controller TEXT CHECK (deployment_controller IS NULL OR deployment_controller = '' OR json_valid(deployment_controller)),
  placement_constraints TEXT CHECK (placement_constraints IS NULL OR placement_constraints = '' OR json_valid(placement_constraints)),
  placement_strategy TEXT CHECK (placement_strategy IS NULL OR placement_strategy = '' OR json_valid(placement_strategy)),
  capacity_provider_strategy TEXT CHECK (capacity_provider_strategy IS NULL OR capacity_provider_strategy = '' OR json_valid(capacity_provider_strategy)),
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  scheduling_strategy TEXT DEFAULT 'REPLICA',
  service_connect_configuration TEXT CHECK (service_connect_configuration IS NULL OR service_connect_configuration = '' OR json_valid(service_connect_configuration)),
  enable_ecs_managed_tags INTEGER NOT NULL DEFAULT 0 CHECK (enable_ecs_managed_tags IN (0,1)),
  propagate_tags TEXT,
  enable_execute_command INTEGER NOT NULL DEFAULT 0 CHECK (enable_execute_command IN (0,1)),
  health_check_grace_period_seconds INTEGER,
  region TEXT,
  account_id TEXT,
  deployment_name TEXT,
  namespace TEXT,
  node_ports TEXT CHECK (node_ports IS NULL OR node_ports = '' OR json_valid(node_ports)),
  has_node_port INTEGER NOT NULL DEFAULT 0 CHECK (has_node_port IN (0,1)),
  assign_public_ip INTEGER NOT NULL DEFAULT 0 CHECK (assign_public_ip IN (0,1)),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (cluster_arn, service_name)
) STRICT;
CREATE TABLE tasks (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  cluster_arn TEXT NOT NULL REFERENCES clusters(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  task_definition_arn TEXT NOT NULL,
  container_instance_arn TEXT,
  overrides TEXT CHECK (overrides IS NULL OR overrides = '' OR json_valid(overrides)),
  last_status TEXT NOT NULL,
  desired_status TEXT NOT NULL,
  cpu TEXT,
  memory TEXT,
  containers TEXT NOT NULL DEFAULT '' CHECK (containers = '' OR json_valid(containers)),
  started_by TEXT,
  version INTEGER NOT NULL DEFAULT 1,
  stop_code TEXT,
  stopped_reason TEXT,
  stopping_at TEXT,
  stopped_at TEXT,
  connectivity TEXT,
  connectivity_at TEXT,
  pull_started_at TEXT,
  pull_stopped_at TEXT,
  execution_stopped_at TEXT,
  created_at TEXT NOT NULL,
  started_at TEXT,
  launch_type TEXT NOT NULL,
  platform_version TEXT,
  platform_family TEXT,
  task_group TEXT,
  attachments TEXT CHECK (attachments IS NULL OR attachments = '' OR json_valid(attachments)),
  health_status TEXT,
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  attributes TEXT CHECK (attributes IS NULL OR attributes = '' OR json_valid(attributes)),
  enable_execute_command INTEGER NOT NULL DEFAULT 0 CHECK (enable_execute_command IN (0,1)),
  capacity_provider_name TEXT,
  ephemeral_storage TEXT CHECK (ephemeral_storage IS NULL OR ephemeral_storage = '' OR json_valid(ephemeral_storage)),
  region TEXT,
  account_id TEXT,
  pod_name TEXT,
  namespace TEXT,
  service_registries TEXT CHECK (service_registries IS NULL OR service_registries = '' OR json_valid(service_registries))
) STRICT;
CREATE TABLE account_settings (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  principal_arn TEXT NOT NULL,
  is_default INTEGER DEFAULT 0 CHECK (is_default IS NULL OR is_default IN (0,1)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (name, principal_arn, account_id, region)
) STRICT;
CREATE TABLE task_sets (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  service_arn TEXT NOT NULL REFERENCES services(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  cluster_arn TEXT NOT NULL REFERENCES clusters(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  external_id TEXT,
  task_definition TEXT NOT NULL,
  launch_type TEXT,
  platform_version TEXT,
  platform_family TEXT,
  network_configuration TEXT CHECK (network_configuration IS NULL OR network_configuration = '' OR json_valid(network_configuration)),
  load_balancers TEXT CHECK (load_balancers IS NULL OR load_balancers = '' OR json_valid(load_balancers)),
  service_registries TEXT CHECK (service_registries IS NULL OR service_registries = '' OR json_valid(service_registries)),
  capacity_provider_strategy TEXT CHECK (capacity_provider_strategy IS NULL OR capacity_provider_strategy = '' OR json_valid(capacity_provider_strategy)),
  scale TEXT CHECK (scale IS NULL OR scale = '' OR json_valid(scale)),
  computed_desired_count INTEGER NOT NULL DEFAULT 0,
  pending_count INTEGER NOT NULL DEFAULT 0,
  running_count INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL,
  stability_status TEXT,
  stability_status_at TEXT,
  started_by TEXT,
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  fargate_ephemeral_storage TEXT CHECK (fargate_ephemeral_storage IS NULL OR fargate_ephemeral_storage = '' OR json_valid(fargate_ephemeral_storage)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (service_arn, id)
) STRICT;
CREATE TABLE container_instances (
  id TEXT NOT NULL PRIMARY KEY,
  arn TEXT NOT NULL UNIQUE,
  cluster_arn TEXT NOT NULL REFERENCES clusters(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  ec2_instance_id TEXT,
  status TEXT NOT NULL,
  status_reason TEXT,
  agent_connected INTEGER NOT NULL DEFAULT 0 CHECK (agent_connected IN (0,1)),
  agent_update_status TEXT,
  running_tasks_count INTEGER NOT NULL DEFAULT 0,
  pending_tasks_count INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  version_info TEXT CHECK (version_info IS NULL OR version_info = '' OR json_valid(version_info)),
  registered_resources TEXT CHECK (registered_resources IS NULL OR registered_resources = '' OR json_valid(registered_resources)),
  remaining_resources TEXT CHECK (remaining_resources IS NULL OR remaining_resources = '' OR json_valid(remaining_resources)),
  attributes TEXT CHECK (attributes IS NULL OR attributes = '' OR json_valid(attributes)),
  attachments TEXT CHECK (attachments IS NULL OR attachments = '' OR json_valid(attachments)),
  tags TEXT CHECK (tags IS NULL OR tags = '' OR json_valid(tags)),
  capacity_provider_name TEXT,
  health_status TEXT,
  region TEXT,
  account_id TEXT,
  registered_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  deregistered_at TEXT
) STRICT;
CREATE TABLE attributes (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  value TEXT,
  target_type TEXT NOT NULL,
  target_id TEXT NOT NULL,
  cluster TEXT NOT NULL,
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (name, target_type, target_id, cluster)
) STRICT;
CREATE TABLE elbv2_load_balancers (
  arn TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  dns_name TEXT,
  canonical_hosted_zone_id TEXT,
  state TEXT,
  type TEXT,
  scheme TEXT,
  vpc_id TEXT,
  subnets TEXT CHECK (subnets IS NULL OR json_valid(subnets)),
  availability_zones TEXT CHECK (availability_zones IS NULL OR json_valid(availability_zones)),
  security_groups TEXT CHECK (security_groups IS NULL OR json_valid(security_groups)),
  ip_address_type TEXT,
  tags TEXT CHECK (tags IS NULL OR json_valid(tags)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE elbv2_target_groups (
  arn TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  protocol TEXT,
  port INTEGER,
  vpc_id TEXT,
  target_type TEXT,
  health_check_enabled INTEGER NOT NULL DEFAULT 1 CHECK (health_check_enabled IN (0,1)),
  health_check_protocol TEXT,
  health_check_port TEXT,
  health_check_path TEXT,
  health_check_interval_seconds INTEGER,
  health_check_timeout_seconds INTEGER,
  healthy_threshold_count INTEGER,
  unhealthy_threshold_count INTEGER,
  matcher TEXT,
  load_balancer_arns TEXT CHECK (load_balancer_arns IS NULL OR json_valid(load_balancer_arns)),
  tags TEXT CHECK (tags IS NULL OR json_valid(tags)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE elbv2_listeners (
  arn TEXT NOT NULL PRIMARY KEY,
  load_balancer_arn TEXT NOT NULL REFERENCES elbv2_load_balancers(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  port INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  default_actions TEXT CHECK (default_actions IS NULL OR default_actions = '' OR json_valid(default_actions)),
  ssl_policy TEXT,
  certificates TEXT CHECK (certificates IS NULL OR certificates = '' OR json_valid(certificates)),
  alpn_policy TEXT CHECK (alpn_policy IS NULL OR json_valid(alpn_policy)),
  tags TEXT CHECK (tags IS NULL OR json_valid(tags)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE elbv2_targets (
  target_group_arn TEXT NOT NULL REFERENCES elbv2_target_groups(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  id TEXT NOT NULL,
  port INTEGER NOT NULL,
  availability_zone TEXT,
  health_state TEXT NOT NULL,
  health_reason TEXT,
  health_description TEXT,
  registered_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (target_group_arn, id)
) STRICT;
CREATE TABLE elbv2_rules (
  arn TEXT NOT NULL PRIMARY KEY,
  listener_arn TEXT NOT NULL REFERENCES elbv2_listeners(arn) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  priority INTEGER NOT NULL,
  conditions TEXT NOT NULL CHECK (conditions = '' OR json_valid(conditions)),
  actions TEXT NOT NULL CHECK (actions = '' OR json_valid(actions)),
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0,1)),
  tags TEXT CHECK (tags IS NULL OR json_valid(tags)),
  region TEXT,
  account_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE task_logs (
  id TEXT NOT NULL PRIMARY KEY,
  task_arn TEXT NOT NULL,
  container_name TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  log_line TEXT NOT NULL,
  log_level TEXT,
  created_at TEXT
) STRICT;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'clusters', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'name', name,
    'status', status,
    'region', region,
    'account_id', account_id,
    'configuration', configuration,
    'settings', settings,
    'tags', tags,
    'k8s_cluster_name', k8s_cluster_name,
    'registered_container_instances_count', registered_container_instances_count,
    'running_tasks_count', running_tasks_count,
    'pending_tasks_count', pending_tasks_count,
    'active_services_count', active_services_count,
    'capacity_providers', capacity_providers,
    'default_capacity_provider_strategy', default_capacity_provider_strategy,
    'localstack_state', localstack_state,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_clusters
WHERE id IS NULL
  OR arn IS NULL
  OR name IS NULL
  OR status IS NULL
  OR (configuration <> '' AND NOT json_valid(configuration))
  OR (settings <> '' AND NOT json_valid(settings))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (capacity_providers <> '' AND NOT json_valid(capacity_providers))
  OR (default_capacity_provider_strategy <> '' AND NOT json_valid(default_capacity_provider_strategy))
  OR (localstack_state <> '' AND NOT json_valid(localstack_state))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO clusters (id, arn, name, status, region, account_id, configuration, settings, tags, k8s_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, localstack_state, created_at, updated_at)
SELECT id, arn, name, status, region, account_id, configuration, settings, tags, k8s_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, localstack_state, created_at, updated_at
FROM kecsctl_old_clusters
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR name IS NULL
  OR status IS NULL
  OR (configuration <> '' AND NOT json_valid(configuration))
  OR (settings <> '' AND NOT json_valid(settings))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (capacity_providers <> '' AND NOT json_valid(capacity_providers))
  OR (default_capacity_provider_strategy <> '' AND NOT json_valid(default_capacity_provider_strategy))
  OR (localstack_state <> '' AND NOT json_valid(localstack_state))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_clusters;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'task_definitions', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'family', family,
    'revision', revision,
    'task_role_arn', task_role_arn,
    'execution_role_arn', execution_role_arn,
    'network_mode', network_mode,
    'container_definitions', container_definitions,
    'volumes', volumes,
    'placement_constraints', placement_constraints,
    'requires_compatibilities', requires_compatibilities,
    'cpu', cpu,
    'memory', memory,
    'tags', tags,
    'pid_mode', pid_mode,
    'ipc_mode', ipc_mode,
    'proxy_configuration', proxy_configuration,
    'inference_accelerators', inference_accelerators,
    'runtime_platform', runtime_platform,
    'status', status,
    'region', region,
    'account_id', account_id,
    'registered_at', registered_at,
    'deregistered_at', deregistered_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_task_definitions
WHERE id IS NULL
  OR arn IS NULL
  OR family IS NULL
  OR revision IS NULL
  OR (container_definitions IS NOT NULL AND NOT json_valid(container_definitions))
  OR container_definitions IS NULL
  OR (volumes <> '' AND NOT json_valid(volumes))
  OR (placement_constraints <> '' AND NOT json_valid(placement_constraints))
  OR (requires_compatibilities <> '' AND NOT json_valid(requires_compatibilities))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (proxy_configuration <> '' AND NOT json_valid(proxy_configuration))
  OR (inference_accelerators <> '' AND NOT json_valid(inference_accelerators))
  OR (runtime_platform <> '' AND NOT json_valid(runtime_platform))
  OR registered_at IS NULL;
INSERT INTO task_definitions (id, arn, family, revision, task_role_arn, execution_role_arn, network_mode, container_definitions, volumes, placement_constraints, requires_compatibilities, cpu, memory, tags, pid_mode, ipc_mode, proxy_configuration, inference_accelerators, runtime_platform, status, region, account_id, registered_at, deregistered_at)
SELECT id, arn, family, revision, task_role_arn, execution_role_arn, ifnull(network_mode, 'bridge'), container_definitions, volumes, placement_constraints, requires_compatibilities, cpu, memory, tags, pid_mode, ipc_mode, proxy_configuration, inference_accelerators, runtime_platform, ifnull(status, 'ACTIVE'), region, account_id, registered_at, deregistered_at
FROM kecsctl_old_task_definitions
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR family IS NULL
  OR revision IS NULL
  OR (container_definitions IS NOT NULL AND NOT json_valid(container_definitions))
  OR container_definitions IS NULL
  OR (volumes <> '' AND NOT json_valid(volumes))
  OR (placement_constraints <> '' AND NOT json_valid(placement_constraints))
  OR (requires_compatibilities <> '' AND NOT json_valid(requires_compatibilities))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (proxy_configuration <> '' AND NOT json_valid(proxy_configuration))
  OR (inference_accelerators <> '' AND NOT json_valid(inference_accelerators))
  OR (runtime_platform <> '' AND NOT json_valid(runtime_platform))
  OR registered_at IS NULL), 1);
DROP TABLE kecsctl_old_task_definitions;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'services', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'service_name', service_name,
    'cluster_arn', cluster_arn,
    'task_definition_arn', task_definition_arn,
    'desired_count', desired_count,
    'running_count', running_count,
    'pending_count', pending_count,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'status', status,
    'role_arn', role_arn,
    'load_balancers', load_balancers,
    'service_registries', service_registries,
    'network_configuration', network_configuration,
    'deployment_configuration', deployment_configuration,
    'deployment_controller', deployment_controller,
    'placement_constraints', placement_constraints,
    'placement_strategy', placement_strategy,
    'capacity_provider_strategy', capacity_provider_strategy,
    'tags', tags,
    'scheduling_strategy', scheduling_strategy,
    'service_connect_configuration', service_connect_configuration,
    'enable_ecs_managed_tags', enable_ecs_managed_tags,
    'propagate_tags', propagate_tags,
    'enable_execute_command', enable_execute_command,
    'health_check_grace_period_seconds', health_check_grace_period_seconds,
    'region', region,
    'account_id', account_id,
    'deployment_name', deployment_name,
    'namespace', namespace,
    'node_ports', node_ports,
    'has_node_port', has_node_port,
    'assign_public_ip', assign_public_ip,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_services
WHERE id IS NULL
  OR arn IS NULL
  OR service_name IS NULL
  OR cluster_arn IS NULL
  OR status IS NULL
  OR (load_balancers <> '' AND NOT json_valid(load_balancers))
  OR (service_registries <> '' AND NOT json_valid(service_registries))
  OR (network_configuration <> '' AND NOT json_valid(network_configuration))
  OR (deployment_configuration <> '' AND NOT json_valid(deployment_configuration))
  OR (deployment_controller <> '' AND NOT json_valid(deployment_controller))
  OR (placement_constraints <> '' AND NOT json_valid(placement_constraints))
  OR (placement_strategy <> '' AND NOT json_valid(placement_strategy))
  OR (capacity_provider_strategy <> '' AND NOT json_valid(capacity_provider_strategy))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (service_connect_configuration <> '' AND NOT json_valid(service_connect_configuration))
  OR (node_ports <> '' AND NOT json_valid(node_ports))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, running_count, pending_count, launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, enable_ecs_managed_tags, propagate_tags, enable_execute_command, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, has_node_port, assign_public_ip, created_at, updated_at)
SELECT id, arn, service_name, cluster_arn, task_definition_arn, ifnull(desired_count, 0), ifnull(running_count, 0), ifnull(pending_count, 0), launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, CASE lower(enable_ecs_managed_tags) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(enable_ecs_managed_tags, 0) END, propagate_tags, CASE lower(enable_execute_command) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(enable_execute_command, 0) END, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, CASE lower(has_node_port) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(has_node_port, 0) END, CASE lower(assign_public_ip) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(assign_public_ip, 0) END, created_at, updated_at
FROM kecsctl_old_services
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR service_name IS NULL
  OR cluster_arn IS NULL
  OR status IS NULL
  OR (load_balancers <> '' AND NOT json_valid(load_balancers))
  OR (service_registries <> '' AND NOT json_valid(service_registries))
  OR (network_configuration <> '' AND NOT json_valid(network_configuration))
  OR (deployment_configuration <> '' AND NOT json_valid(deployment_configuration))
  OR (deployment_controller <> '' AND NOT json_valid(deployment_controller))
  OR (placement_constraints <> '' AND NOT json_valid(placement_constraints))
  OR (placement_strategy <> '' AND NOT json_valid(placement_strategy))
  OR (capacity_provider_strategy <> '' AND NOT json_valid(capacity_provider_strategy))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (service_connect_configuration <> '' AND NOT json_valid(service_connect_configuration))
  OR (node_ports <> '' AND NOT json_valid(node_ports))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_services;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'tasks', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'cluster_arn', cluster_arn,
    'task_definition_arn', task_definition_arn,
    'container_instance_arn', container_instance_arn,
    'overrides', overrides,
    'last_status', last_status,
    'desired_status', desired_status,
    'cpu', cpu,
    'memory', memory,
    'containers', containers,
    'started_by', started_by,
    'version', version,
    'stop_code', stop_code,
    'stopped_reason', stopped_reason,
    'stopping_at', stopping_at,
    'stopped_at', stopped_at,
    'connectivity', connectivity,
    'connectivity_at', connectivity_at,
    'pull_started_at', pull_started_at,
    'pull_stopped_at', pull_stopped_at,
    'execution_stopped_at', execution_stopped_at,
    'created_at', created_at,
    'started_at', started_at,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'platform_family', platform_family,
    'task_group', task_group,
    'attachments', attachments,
    'health_status', health_status,
    'tags', tags,
    'attributes', attributes,
    'enable_execute_command', enable_execute_command,
    'capacity_provider_name', capacity_provider_name,
    'ephemeral_storage', ephemeral_storage,
    'region', region,
    'account_id', account_id,
    'pod_name', pod_name,
    'namespace', namespace,
    'service_registries', service_registries), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_tasks
WHERE id IS NULL
  OR arn IS NULL
  OR cluster_arn IS NULL
  OR task_definition_arn IS NULL
  OR (overrides <> '' AND NOT json_valid(overrides))
  OR last_status IS NULL
  OR desired_status IS NULL
  OR (containers <> '' AND NOT json_valid(containers))
  OR created_at IS NULL
  OR launch_type IS NULL
  OR (attachments <> '' AND NOT json_valid(attachments))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (attributes <> '' AND NOT json_valid(attributes))
  OR (ephemeral_storage <> '' AND NOT json_valid(ephemeral_storage))
  OR (service_registries <> '' AND NOT json_valid(service_registries));
INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, containers, started_by, version, stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, enable_execute_command, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries)
SELECT id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, ifnull(containers, ''), started_by, ifnull(version, 1), stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, CASE lower(enable_execute_command) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(enable_execute_command, 0) END, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries
FROM kecsctl_old_tasks
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR cluster_arn IS NULL
  OR task_definition_arn IS NULL
  OR (overrides <> '' AND NOT json_valid(overrides))
  OR last_status IS NULL
  OR desired_status IS NULL
  OR (containers <> '' AND NOT json_valid(containers))
  OR created_at IS NULL
  OR launch_type IS NULL
  OR (attachments <> '' AND NOT json_valid(attachments))
  OR (tags <> '' AND NOT json_valid(tags))
  OR (attributes <> '' AND NOT json_valid(attributes))
  OR (ephemeral_storage <> '' AND NOT json_valid(ephemeral_storage))
  OR (service_registries <> '' AND NOT json_valid(service_registries))), 1);
DROP TABLE kecsctl_old_tasks;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'account_settings', id, 'not valid', json_object(
    'id', id,
    'name', name,
    'value', value,
    'principal_arn', principal_arn,
    'is_default', is_default,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_account_settings
WHERE id IS NULL
  OR name IS NULL
  OR value IS NULL
  OR principal_arn IS NULL
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO account_settings (id, name, value, principal_arn, is_default, region, account_id, created_at, updated_at)
SELECT id, name, value, principal_arn, CASE lower(is_default) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE is_default END, region, account_id, created_at, updated_at
FROM kecsctl_old_account_settings
WHERE ifnull(NOT (id IS NULL
  OR name IS NULL
  OR value IS NULL
  OR principal_arn IS NULL
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_account_settings;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'task_sets', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'service_arn', service_arn,
    'cluster_arn', cluster_arn,
    'external_id', external_id,
    'task_definition', task_definition,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'platform_family', platform_family,
    'network_configuration', network_configuration,
    'load_balancers', load_balancers,
    'service_registries', service_registries,
    'capacity_provider_strategy', capacity_provider_strategy,
    'scale', scale,
    'computed_desired_count', computed_desired_count,
    'pending_count', pending_count,
    'running_count', running_count,
    'status', status,
    'stability_status', stability_status,
    'stability_status_at', stability_status_at,
    'started_by', started_by,
    'tags', tags,
    'fargate_ephemeral_storage', fargate_ephemeral_storage,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_task_sets
WHERE id IS NULL
  OR arn IS NULL
  OR service_arn IS NULL
  OR cluster_arn IS NULL
  OR task_definition IS NULL
  OR (network_configuration <> '' AND NOT json_valid(network_configuration))
  OR (load_balancers <> '' AND NOT json_valid(load_balancers))
  OR (service_registries <> '' AND NOT json_valid(service_registries))
  OR (capacity_provider_strategy <> '' AND NOT json_valid(capacity_provider_strategy))
  OR (scale <> '' AND NOT json_valid(scale))
  OR status IS NULL
  OR (tags <> '' AND NOT json_valid(tags))
  OR (fargate_ephemeral_storage <> '' AND NOT json_valid(fargate_ephemeral_storage))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO task_sets (id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, computed_desired_count, pending_count, running_count, status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at)
SELECT id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, ifnull(computed_desired_count, 0), ifnull(pending_count, 0), ifnull(running_count, 0), status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at
FROM kecsctl_old_task_sets
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR service_arn IS NULL
  OR cluster_arn IS NULL
  OR task_definition IS NULL
  OR (network_configuration <> '' AND NOT json_valid(network_configuration))
  OR (load_balancers <> '' AND NOT json_valid(load_balancers))
  OR (service_registries <> '' AND NOT json_valid(service_registries))
  OR (capacity_provider_strategy <> '' AND NOT json_valid(capacity_provider_strategy))
  OR (scale <> '' AND NOT json_valid(scale))
  OR status IS NULL
  OR (tags <> '' AND NOT json_valid(tags))
  OR (fargate_ephemeral_storage <> '' AND NOT json_valid(fargate_ephemeral_storage))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_task_sets;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'container_instances', id, 'not valid', json_object(
    'id', id,
    'arn', arn,
    'cluster_arn', cluster_arn,
    'ec2_instance_id', ec2_instance_id,
    'status', status,
    'status_reason', status_reason,
    'agent_connected', agent_connected,
    'agent_update_status', agent_update_status,
    'running_tasks_count', running_tasks_count,
    'pending_tasks_count', pending_tasks_count,
    'version', version,
    'version_info', version_info,
    'registered_resources', registered_resources,
    'remaining_resources', remaining_resources,
    'attributes', attributes,
    'attachments', attachments,
    'tags', tags,
    'capacity_provider_name', capacity_provider_name,
    'health_status', health_status,
    'region', region,
    'account_id', account_id,
    'registered_at', registered_at,
    'updated_at', updated_at,
    'deregistered_at', deregistered_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_container_instances
WHERE id IS NULL
  OR arn IS NULL
  OR cluster_arn IS NULL
  OR status IS NULL
  OR (version_info <> '' AND NOT json_valid(version_info))
  OR (registered_resources <> '' AND NOT json_valid(registered_resources))
  OR (remaining_resources <> '' AND NOT json_valid(remaining_resources))
  OR (attributes <> '' AND NOT json_valid(attributes))
  OR (attachments <> '' AND NOT json_valid(attachments))
  OR (tags <> '' AND NOT json_valid(tags))
  OR registered_at IS NULL
  OR updated_at IS NULL;
INSERT INTO container_instances (id, arn, cluster_arn, ec2_instance_id, status, status_reason, agent_connected, agent_update_status, running_tasks_count, pending_tasks_count, version, version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at)
SELECT id, arn, cluster_arn, ec2_instance_id, status, status_reason, CASE lower(agent_connected) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(agent_connected, 0) END, agent_update_status, ifnull(running_tasks_count, 0), ifnull(pending_tasks_count, 0), ifnull(version, 1), version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at
FROM kecsctl_old_container_instances
WHERE ifnull(NOT (id IS NULL
  OR arn IS NULL
  OR cluster_arn IS NULL
  OR status IS NULL
  OR (version_info <> '' AND NOT json_valid(version_info))
  OR (registered_resources <> '' AND NOT json_valid(registered_resources))
  OR (remaining_resources <> '' AND NOT json_valid(remaining_resources))
  OR (attributes <> '' AND NOT json_valid(attributes))
  OR (attachments <> '' AND NOT json_valid(attachments))
  OR (tags <> '' AND NOT json_valid(tags))
  OR registered_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_container_instances;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'attributes', id, 'not valid', json_object(
    'id', id,
    'name', name,
    'value', value,
    'target_type', target_type,
    'target_id', target_id,
    'cluster', cluster,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_attributes
WHERE id IS NULL
  OR name IS NULL
  OR target_type IS NULL
  OR target_id IS NULL
  OR cluster IS NULL
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO attributes (id, name, value, target_type, target_id, cluster, region, account_id, created_at, updated_at)
SELECT id, name, value, target_type, target_id, cluster, region, account_id, created_at, updated_at
FROM kecsctl_old_attributes
WHERE ifnull(NOT (id IS NULL
  OR name IS NULL
  OR target_type IS NULL
  OR target_id IS NULL
  OR cluster IS NULL
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_attributes;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_load_balancers', arn, 'not valid', json_object(
    'arn', arn,
    'name', name,
    'dns_name', dns_name,
    'canonical_hosted_zone_id', canonical_hosted_zone_id,
    'state', state,
    'type', type,
    'scheme', scheme,
    'vpc_id', vpc_id,
    'subnets', subnets,
    'availability_zones', availability_zones,
    'security_groups', security_groups,
    'ip_address_type', ip_address_type,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_elbv2_load_balancers
WHERE arn IS NULL
  OR name IS NULL
  OR (subnets IS NOT NULL AND NOT json_valid(subnets))
  OR (availability_zones IS NOT NULL AND NOT json_valid(availability_zones))
  OR (security_groups IS NOT NULL AND NOT json_valid(security_groups))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO elbv2_load_balancers (arn, name, dns_name, canonical_hosted_zone_id, state, type, scheme, vpc_id, subnets, availability_zones, security_groups, ip_address_type, tags, region, account_id, created_at, updated_at)
SELECT arn, name, dns_name, canonical_hosted_zone_id, state, type, scheme, vpc_id, subnets, availability_zones, security_groups, ip_address_type, tags, region, account_id, created_at, updated_at
FROM kecsctl_old_elbv2_load_balancers
WHERE ifnull(NOT (arn IS NULL
  OR name IS NULL
  OR (subnets IS NOT NULL AND NOT json_valid(subnets))
  OR (availability_zones IS NOT NULL AND NOT json_valid(availability_zones))
  OR (security_groups IS NOT NULL AND NOT json_valid(security_groups))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_elbv2_load_balancers;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_target_groups', arn, 'not valid', json_object(
    'arn', arn,
    'name', name,
    'protocol', protocol,
    'port', port,
    'vpc_id', vpc_id,
    'target_type', target_type,
    'health_check_enabled', health_check_enabled,
    'health_check_protocol', health_check_protocol,
    'health_check_port', health_check_port,
    'health_check_path', health_check_path,
    'health_check_interval_seconds', health_check_interval_seconds,
    'health_check_timeout_seconds', health_check_timeout_seconds,
    'healthy_threshold_count', healthy_threshold_count,
    'unhealthy_threshold_count', unhealthy_threshold_count,
    'matcher', matcher,
    'load_balancer_arns', load_balancer_arns,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_elbv2_target_groups
WHERE arn IS NULL
  OR name IS NULL
  OR (load_balancer_arns IS NOT NULL AND NOT json_valid(load_balancer_arns))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO elbv2_target_groups (arn, name, protocol, port, vpc_id, target_type, health_check_enabled, health_check_protocol, health_check_port, health_check_path, health_check_interval_seconds, health_check_timeout_seconds, healthy_threshold_count, unhealthy_threshold_count, matcher, load_balancer_arns, tags, region, account_id, created_at, updated_at)
SELECT arn, name, protocol, port, vpc_id, target_type, CASE lower(health_check_enabled) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(health_check_enabled, 1) END, health_check_protocol, health_check_port, health_check_path, health_check_interval_seconds, health_check_timeout_seconds, healthy_threshold_count, unhealthy_threshold_count, matcher, load_balancer_arns, tags, region, account_id, created_at, updated_at
FROM kecsctl_old_elbv2_target_groups
WHERE ifnull(NOT (arn IS NULL
  OR name IS NULL
  OR (load_balancer_arns IS NOT NULL AND NOT json_valid(load_balancer_arns))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_elbv2_target_groups;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_listeners', arn, 'not valid', json_object(
    'arn', arn,
    'load_balancer_arn', load_balancer_arn,
    'port', port,
    'protocol', protocol,
    'default_actions', default_actions,
    'ssl_policy', ssl_policy,
    'certificates', certificates,
    'alpn_policy', alpn_policy,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_elbv2_listeners
WHERE arn IS NULL
  OR load_balancer_arn IS NULL
  OR port IS NULL
  OR protocol IS NULL
  OR (default_actions <> '' AND NOT json_valid(default_actions))
  OR (certificates <> '' AND NOT json_valid(certificates))
  OR (alpn_policy IS NOT NULL AND NOT json_valid(alpn_policy))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO elbv2_listeners (arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at)
SELECT arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at
FROM kecsctl_old_elbv2_listeners
WHERE ifnull(NOT (arn IS NULL
  OR load_balancer_arn IS NULL
  OR port IS NULL
  OR protocol IS NULL
  OR (default_actions <> '' AND NOT json_valid(default_actions))
  OR (certificates <> '' AND NOT json_valid(certificates))
  OR (alpn_policy IS NOT NULL AND NOT json_valid(alpn_policy))
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_elbv2_listeners;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_targets', target_group_arn || ' ' || id, 'not valid', json_object(
    'target_group_arn', target_group_arn,
    'id', id,
    'port', port,
    'availability_zone', availability_zone,
    'health_state', health_state,
    'health_reason', health_reason,
    'health_description', health_description,
    'registered_at', registered_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_elbv2_targets
WHERE target_group_arn IS NULL
  OR id IS NULL
  OR port IS NULL
  OR health_state IS NULL
  OR registered_at IS NULL
  OR updated_at IS NULL;
INSERT INTO elbv2_targets (target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at)
SELECT target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at
FROM kecsctl_old_elbv2_targets
WHERE ifnull(NOT (target_group_arn IS NULL
  OR id IS NULL
  OR port IS NULL
  OR health_state IS NULL
  OR registered_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_elbv2_targets;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_rules', arn, 'not valid', json_object(
    'arn', arn,
    'listener_arn', listener_arn,
    'priority', priority,
    'conditions', conditions,
    'actions', actions,
    'is_default', is_default,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_elbv2_rules
WHERE arn IS NULL
  OR listener_arn IS NULL
  OR priority IS NULL
  OR (conditions <> '' AND NOT json_valid(conditions))
  OR conditions IS NULL
  OR (actions <> '' AND NOT json_valid(actions))
  OR actions IS NULL
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL;
INSERT INTO elbv2_rules (arn, listener_arn, priority, conditions, actions, is_default, tags, region, account_id, created_at, updated_at)
SELECT arn, listener_arn, priority, conditions, actions, CASE lower(is_default) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ifnull(is_default, 0) END, tags, region, account_id, created_at, updated_at
FROM kecsctl_old_elbv2_rules
WHERE ifnull(NOT (arn IS NULL
  OR listener_arn IS NULL
  OR priority IS NULL
  OR (conditions <> '' AND NOT json_valid(conditions))
  OR conditions IS NULL
  OR (actions <> '' AND NOT json_valid(actions))
  OR actions IS NULL
  OR (tags IS NOT NULL AND NOT json_valid(tags))
  OR created_at IS NULL
  OR updated_at IS NULL), 1);
DROP TABLE kecsctl_old_elbv2_rules;

INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'task_logs', id, 'not valid', json_object(
    'id', id,
    'task_arn', task_arn,
    'container_name', container_name,
    'timestamp', timestamp,
    'log_line', log_line,
    'log_level', log_level,
    'created_at', created_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM kecsctl_old_task_logs
WHERE id IS NULL
  OR task_arn IS NULL
  OR container_name IS NULL
  OR timestamp IS NULL
  OR log_line IS NULL;
INSERT INTO task_logs (id, task_arn, container_name, timestamp, log_line, log_level, created_at)
SELECT id, task_arn, container_name, timestamp, log_line, log_level, created_at
FROM kecsctl_old_task_logs
WHERE ifnull(NOT (id IS NULL
  OR task_arn IS NULL
  OR container_name IS NULL
  OR timestamp IS NULL
  OR log_line IS NULL), 1);
DROP TABLE kecsctl_old_task_logs;

-- Upstream has no foreign keys, so there are rows whose parents are gone.
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'services', id, 'orphan', json_object(
    'id', id,
    'arn', arn,
    'service_name', service_name,
    'cluster_arn', cluster_arn,
    'task_definition_arn', task_definition_arn,
    'desired_count', desired_count,
    'running_count', running_count,
    'pending_count', pending_count,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'status', status,
    'role_arn', role_arn,
    'load_balancers', load_balancers,
    'service_registries', service_registries,
    'network_configuration', network_configuration,
    'deployment_configuration', deployment_configuration,
    'deployment_controller', deployment_controller,
    'placement_constraints', placement_constraints,
    'placement_strategy', placement_strategy,
    'capacity_provider_strategy', capacity_provider_strategy,
    'tags', tags,
    'scheduling_strategy', scheduling_strategy,
    'service_connect_configuration', service_connect_configuration,
    'enable_ecs_managed_tags', enable_ecs_managed_tags,
    'propagate_tags', propagate_tags,
    'enable_execute_command', enable_execute_command,
    'health_check_grace_period_seconds', health_check_grace_period_seconds,
    'region', region,
    'account_id', account_id,
    'deployment_name', deployment_name,
    'namespace', namespace,
    'node_ports', node_ports,
    'has_node_port', has_node_port,
    'assign_public_ip', assign_public_ip,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM services
WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
DELETE FROM services WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'task_sets', id, 'orphan', json_object(
    'id', id,
    'arn', arn,
    'service_arn', service_arn,
    'cluster_arn', cluster_arn,
    'external_id', external_id,
    'task_definition', task_definition,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'platform_family', platform_family,
    'network_configuration', network_configuration,
    'load_balancers', load_balancers,
    'service_registries', service_registries,
    'capacity_provider_strategy', capacity_provider_strategy,
    'scale', scale,
    'computed_desired_count', computed_desired_count,
    'pending_count', pending_count,
    'running_count', running_count,
    'status', status,
    'stability_status', stability_status,
    'stability_status_at', stability_status_at,
    'started_by', started_by,
    'tags', tags,
    'fargate_ephemeral_storage', fargate_ephemeral_storage,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM task_sets
WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
DELETE FROM task_sets WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'task_sets', id, 'orphan', json_object(
    'id', id,
    'arn', arn,
    'service_arn', service_arn,
    'cluster_arn', cluster_arn,
    'external_id', external_id,
    'task_definition', task_definition,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'platform_family', platform_family,
    'network_configuration', network_configuration,
    'load_balancers', load_balancers,
    'service_registries', service_registries,
    'capacity_provider_strategy', capacity_provider_strategy,
    'scale', scale,
    'computed_desired_count', computed_desired_count,
    'pending_count', pending_count,
    'running_count', running_count,
    'status', status,
    'stability_status', stability_status,
    'stability_status_at', stability_status_at,
    'started_by', started_by,
    'tags', tags,
    'fargate_ephemeral_storage', fargate_ephemeral_storage,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM task_sets
WHERE service_arn NOT IN (SELECT arn FROM services);
DELETE FROM task_sets WHERE service_arn NOT IN (SELECT arn FROM services);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'container_instances', id, 'orphan', json_object(
    'id', id,
    'arn', arn,
    'cluster_arn', cluster_arn,
    'ec2_instance_id', ec2_instance_id,
    'status', status,
    'status_reason', status_reason,
    'agent_connected', agent_connected,
    'agent_update_status', agent_update_status,
    'running_tasks_count', running_tasks_count,
    'pending_tasks_count', pending_tasks_count,
    'version', version,
    'version_info', version_info,
    'registered_resources', registered_resources,
    'remaining_resources', remaining_resources,
    'attributes', attributes,
    'attachments', attachments,
    'tags', tags,
    'capacity_provider_name', capacity_provider_name,
    'health_status', health_status,
    'region', region,
    'account_id', account_id,
    'registered_at', registered_at,
    'updated_at', updated_at,
    'deregistered_at', deregistered_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM container_instances
WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
DELETE FROM container_instances WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'tasks', id, 'orphan', json_object(
    'id', id,
    'arn', arn,
    'cluster_arn', cluster_arn,
    'task_definition_arn', task_definition_arn,
    'container_instance_arn', container_instance_arn,
    'overrides', overrides,
    'last_status', last_status,
    'desired_status', desired_status,
    'cpu', cpu,
    'memory', memory,
    'containers', containers,
    'started_by', started_by,
    'version', version,
    'stop_code', stop_code,
    'stopped_reason', stopped_reason,
    'stopping_at', stopping_at,
    'stopped_at', stopped_at,
    'connectivity', connectivity,
    'connectivity_at', connectivity_at,
    'pull_started_at', pull_started_at,
    'pull_stopped_at', pull_stopped_at,
    'execution_stopped_at', execution_stopped_at,
    'created_at', created_at,
    'started_at', started_at,
    'launch_type', launch_type,
    'platform_version', platform_version,
    'platform_family', platform_family,
    'task_group', task_group,
    'attachments', attachments,
    'health_status', health_status,
    'tags', tags,
    'attributes', attributes,
    'enable_execute_command', enable_execute_command,
    'capacity_provider_name', capacity_provider_name,
    'ephemeral_storage', ephemeral_storage,
    'region', region,
    'account_id', account_id,
    'pod_name', pod_name,
    'namespace', namespace,
    'service_registries', service_registries), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM tasks
WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
DELETE FROM tasks WHERE cluster_arn NOT IN (SELECT arn FROM clusters);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_listeners', arn, 'orphan', json_object(
    'arn', arn,
    'load_balancer_arn', load_balancer_arn,
    'port', port,
    'protocol', protocol,
    'default_actions', default_actions,
    'ssl_policy', ssl_policy,
    'certificates', certificates,
    'alpn_policy', alpn_policy,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM elbv2_listeners
WHERE load_balancer_arn NOT IN (SELECT arn FROM elbv2_load_balancers);
DELETE FROM elbv2_listeners WHERE load_balancer_arn NOT IN (SELECT arn FROM elbv2_load_balancers);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_rules', arn, 'orphan', json_object(
    'arn', arn,
    'listener_arn', listener_arn,
    'priority', priority,
    'conditions', conditions,
    'actions', actions,
    'is_default', is_default,
    'tags', tags,
    'region', region,
    'account_id', account_id,
    'created_at', created_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM elbv2_rules
WHERE listener_arn NOT IN (SELECT arn FROM elbv2_listeners);
DELETE FROM elbv2_rules WHERE listener_arn NOT IN (SELECT arn FROM elbv2_listeners);
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'elbv2_targets', target_group_arn || ' ' || id, 'orphan', json_object(
    'target_group_arn', target_group_arn,
    'id', id,
    'port', port,
    'availability_zone', availability_zone,
    'health_state', health_state,
    'health_reason', health_reason,
    'health_description', health_description,
    'registered_at', registered_at,
    'updated_at', updated_at), strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
FROM elbv2_targets
WHERE target_group_arn NOT IN (SELECT arn FROM elbv2_target_groups);
DELETE FROM elbv2_targets WHERE target_group_arn NOT IN (SELECT arn FROM elbv2_target_groups);

CREATE INDEX idx_clusters_status ON clusters(status);
CREATE INDEX idx_clusters_region ON clusters(region);
CREATE INDEX idx_task_definitions_family_status ON task_definitions(family, status);
CREATE INDEX idx_services_status ON services(status);
CREATE INDEX idx_services_name ON services(service_name);
CREATE INDEX idx_tasks_cluster_status ON tasks(cluster_arn, last_status);
CREATE INDEX idx_tasks_group ON tasks(task_group);
CREATE INDEX idx_tasks_task_definition ON tasks(task_definition_arn);
CREATE INDEX idx_tasks_created_at ON tasks(created_at);
CREATE UNIQUE INDEX idx_tasks_pod_unique ON tasks(pod_name, namespace)
  WHERE pod_name IS NOT NULL AND pod_name <> '';
CREATE INDEX idx_task_sets_cluster ON task_sets(cluster_arn);
CREATE INDEX idx_task_sets_status ON task_sets(status);
CREATE INDEX idx_container_instances_cluster ON container_instances(cluster_arn, status);
CREATE INDEX idx_attributes_target ON attributes(target_type, target_id);
CREATE INDEX idx_attributes_cluster ON attributes(cluster);
CREATE INDEX idx_elbv2_listener_lb ON elbv2_listeners(load_balancer_arn);
CREATE INDEX idx_elbv2_rules_priority ON elbv2_rules(listener_arn, priority);
CREATE INDEX idx_task_logs_task_ts ON task_logs(task_arn, timestamp);
PRAGMA application_id = 1262830419;
PRAGMA user_version = 1;

-- migrate:down
ALTER TABLE clusters RENAME TO kecsctl_new_clusters;
ALTER TABLE task_definitions RENAME TO kecsctl_new_task_definitions;
ALTER TABLE services RENAME TO kecsctl_new_services;
ALTER TABLE tasks RENAME TO kecsctl_new_tasks;
ALTER TABLE account_settings RENAME TO kecsctl_new_account_settings;
ALTER TABLE task_sets RENAME TO kecsctl_new_task_sets;
ALTER TABLE container_instances RENAME TO kecsctl_new_container_instances;
ALTER TABLE attributes RENAME TO kecsctl_new_attributes;
ALTER TABLE elbv2_load_balancers RENAME TO kecsctl_new_elbv2_load_balancers;
ALTER TABLE elbv2_target_groups RENAME TO kecsctl_new_elbv2_target_groups;
ALTER TABLE elbv2_listeners RENAME TO kecsctl_new_elbv2_listeners;
ALTER TABLE elbv2_targets RENAME TO kecsctl_new_elbv2_targets;
ALTER TABLE elbv2_rules RENAME TO kecsctl_new_elbv2_rules;
ALTER TABLE task_logs RENAME TO kecsctl_new_task_logs;
CREATE TABLE clusters (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  name VARCHAR NOT NULL UNIQUE,
  status VARCHAR NOT NULL,
  region VARCHAR,
  account_id VARCHAR,
  configuration VARCHAR,
  settings VARCHAR,
  tags VARCHAR,
  k8s_cluster_name VARCHAR,
  registered_container_instances_count INTEGER DEFAULT 0,
  running_tasks_count INTEGER DEFAULT 0,
  pending_tasks_count INTEGER DEFAULT 0,
  active_services_count INTEGER DEFAULT 0,
  capacity_providers VARCHAR,
  default_capacity_provider_strategy VARCHAR,
  localstack_state VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE task_definitions (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  family VARCHAR NOT NULL,
  revision INTEGER NOT NULL,
  task_role_arn VARCHAR,
  execution_role_arn VARCHAR,
  network_mode VARCHAR NOT NULL DEFAULT 'bridge',
  container_definitions VARCHAR NOT NULL,
  volumes VARCHAR,
  placement_constraints VARCHAR,
  requires_compatibilities VARCHAR,
  cpu VARCHAR,
  memory VARCHAR,
  tags VARCHAR,
  pid_mode VARCHAR,
  ipc_mode VARCHAR,
  proxy_configuration VARCHAR,
  inference_accelerators VARCHAR,
  runtime_platform VARCHAR,
  status VARCHAR NOT NULL DEFAULT 'ACTIVE',
  region VARCHAR,
  account_id VARCHAR,
  registered_at TIMESTAMP NOT NULL,
  deregistered_at TIMESTAMP,
  UNIQUE (family, revision)
);
CREATE TABLE services (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  service_name VARCHAR NOT NULL,
  cluster_arn VARCHAR NOT NULL,
  task_definition_arn VARCHAR,
  desired_count INTEGER NOT NULL DEFAULT 0,
  running_count INTEGER NOT NULL DEFAULT 0,
  pending_count INTEGER NOT NULL DEFAULT 0,
  launch_type VARCHAR,
  platform_version VARCHAR,
  status VARCHAR NOT NULL,
  role_arn VARCHAR,
  load_balancers VARCHAR,
  service_registries VARCHAR,
  network_configuration VARCHAR,
  deployment_configuration VARCHAR,
  deployment_controller VARCHAR,
  placement_constraints VARCHAR,
  placement_strategy VARCHAR,
  capacity_provider_strategy VARCHAR,
  tags VARCHAR,
  scheduling_strategy VARCHAR DEFAULT 'REPLICA',
  service_connect_configuration VARCHAR,
  enable_ecs_managed_tags BOOLEAN NOT NULL DEFAULT false,
  propagate_tags VARCHAR,
  enable_execute_command BOOLEAN NOT NULL DEFAULT false,
  health_check_grace_period_seconds INTEGER,
  region VARCHAR,
  account_id VARCHAR,
  deployment_name VARCHAR,
  namespace VARCHAR,
  node_ports VARCHAR,
  has_node_port BOOLEAN NOT NULL DEFAULT false,
  assign_public_ip BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE tasks (
  id VARCHAR PRIMARY KEY,
  arn VARCHAR NOT NULL UNIQUE,
  cluster_arn VARCHAR NOT NULL,
  task_definition_arn VARCHAR NOT NULL,
  container_instance_arn VARCHAR,
  overrides VARCHAR,
  last_status VARCHAR NOT NULL,
  desired_status VARCHAR NOT NULL,
  cpu VARCHAR,
  memory VARCHAR,
  containers VARCHAR NOT NULL,
  started_by VARCHAR,
  version BIGINT NOT NULL DEFAULT 1,
  stop_code VARCHAR,
  stopped_reason VARCHAR,
  stopping_at TIMESTAMP,
  stopped_at TIMESTAMP,
  connectivity VARCHAR,
  connectivity_at TIMESTAMP,
  pull_started_at TIMESTAMP,
  pull_stopped_at TIMESTAMP,
  execution_stopped_at TIMESTAMP,
  created_at TIMESTAMP NOT NULL,
  started_at TIMESTAMP,
  launch_type VARCHAR NOT NULL,
  platform_version VARCHAR,
  platform_family VARCHAR,
  task_group VARCHAR,
  attachments VARCHAR,
  health_status VARCHAR,
  tags VARCHAR,
  attributes VARCHAR,
  enable_execute_command BOOLEAN NOT NULL DEFAULT false,
  capacity_provider_name VARCHAR,
  ephemeral_storage VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  pod_name VARCHAR,
  namespace VARCHAR,
  service_registries VARCHAR
);
CREATE TABLE account_settings (
  id VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  principal_arn VARCHAR NOT NULL,
  is_default BOOLEAN DEFAULT false,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (name, principal_arn, account_id, region)
);
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
CREATE TABLE elbv2_load_balancers (
  arn VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL UNIQUE,
  dns_name VARCHAR,
  canonical_hosted_zone_id VARCHAR,
  state VARCHAR,
  type VARCHAR,
  scheme VARCHAR,
  vpc_id VARCHAR,
  subnets VARCHAR,
  availability_zones VARCHAR,
  security_groups VARCHAR,
  ip_address_type VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_target_groups (
  arn VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL UNIQUE,
  protocol VARCHAR,
  port INTEGER,
  vpc_id VARCHAR,
  target_type VARCHAR,
  health_check_enabled BOOLEAN NOT NULL DEFAULT true,
  health_check_protocol VARCHAR,
  health_check_port VARCHAR,
  health_check_path VARCHAR,
  health_check_interval_seconds INTEGER,
  health_check_timeout_seconds INTEGER,
  healthy_threshold_count INTEGER,
  unhealthy_threshold_count INTEGER,
  matcher VARCHAR,
  load_balancer_arns VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_listeners (
  arn VARCHAR PRIMARY KEY,
  load_balancer_arn VARCHAR NOT NULL,
  port INTEGER NOT NULL,
  protocol VARCHAR NOT NULL,
  default_actions VARCHAR,
  ssl_policy VARCHAR,
  certificates VARCHAR,
  alpn_policy VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_targets (
  target_group_arn VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  port INTEGER NOT NULL,
  availability_zone VARCHAR,
  health_state VARCHAR NOT NULL,
  health_reason VARCHAR,
  health_description VARCHAR,
  registered_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  PRIMARY KEY (target_group_arn, id)
);
CREATE TABLE elbv2_rules (
  arn VARCHAR PRIMARY KEY,
  listener_arn VARCHAR NOT NULL,
  priority INTEGER NOT NULL,
  conditions VARCHAR NOT NULL,
  actions VARCHAR NOT NULL,
  is_default BOOLEAN NOT NULL DEFAULT false,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE task_logs (
  id VARCHAR PRIMARY KEY,
  task_arn VARCHAR NOT NULL,
  container_name VARCHAR NOT NULL,
  timestamp TIMESTAMP NOT NULL,
  log_line VARCHAR NOT NULL,
  log_level VARCHAR,
  created_at TIMESTAMP
);
INSERT INTO clusters (id, arn, name, status, region, account_id, configuration, settings, tags, k8s_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, localstack_state, created_at, updated_at)
SELECT id, arn, name, status, region, account_id, configuration, settings, tags, k8s_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, localstack_state, created_at, updated_at FROM kecsctl_new_clusters;
DROP TABLE kecsctl_new_clusters;
INSERT INTO clusters (id, arn, name, status, region, account_id, configuration, settings, tags, k8s_cluster_name, registered_container_instances_count, running_tasks_count, pending_tasks_count, active_services_count, capacity_providers, default_capacity_provider_strategy, localstack_state, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.name'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.configuration'),
  json_extract(row_json, '$.settings'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.k8s_cluster_name'),
  json_extract(row_json, '$.registered_container_instances_count'),
  json_extract(row_json, '$.running_tasks_count'),
  json_extract(row_json, '$.pending_tasks_count'),
  json_extract(row_json, '$.active_services_count'),
  json_extract(row_json, '$.capacity_providers'),
  json_extract(row_json, '$.default_capacity_provider_strategy'),
  json_extract(row_json, '$.localstack_state'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'clusters' AND reason = 'not valid';
INSERT INTO task_definitions (id, arn, family, revision, task_role_arn, execution_role_arn, network_mode, container_definitions, volumes, placement_constraints, requires_compatibilities, cpu, memory, tags, pid_mode, ipc_mode, proxy_configuration, inference_accelerators, runtime_platform, status, region, account_id, registered_at, deregistered_at)
SELECT id, arn, family, revision, task_role_arn, execution_role_arn, network_mode, container_definitions, volumes, placement_constraints, requires_compatibilities, cpu, memory, tags, pid_mode, ipc_mode, proxy_configuration, inference_accelerators, runtime_platform, status, region, account_id, registered_at, deregistered_at FROM kecsctl_new_task_definitions;
DROP TABLE kecsctl_new_task_definitions;
INSERT INTO task_definitions (id, arn, family, revision, task_role_arn, execution_role_arn, network_mode, container_definitions, volumes, placement_constraints, requires_compatibilities, cpu, memory, tags, pid_mode, ipc_mode, proxy_configuration, inference_accelerators, runtime_platform, status, region, account_id, registered_at, deregistered_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.family'),
  json_extract(row_json, '$.revision'),
  json_extract(row_json, '$.task_role_arn'),
  json_extract(row_json, '$.execution_role_arn'),
  json_extract(row_json, '$.network_mode'),
  json_extract(row_json, '$.container_definitions'),
  json_extract(row_json, '$.volumes'),
  json_extract(row_json, '$.placement_constraints'),
  json_extract(row_json, '$.requires_compatibilities'),
  json_extract(row_json, '$.cpu'),
  json_extract(row_json, '$.memory'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.pid_mode'),
  json_extract(row_json, '$.ipc_mode'),
  json_extract(row_json, '$.proxy_configuration'),
  json_extract(row_json, '$.inference_accelerators'),
  json_extract(row_json, '$.runtime_platform'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.registered_at'),
  json_extract(row_json, '$.deregistered_at')
FROM kecsctl_import_rejects
WHERE source_table = 'task_definitions' AND reason = 'not valid';
INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, running_count, pending_count, launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, enable_ecs_managed_tags, propagate_tags, enable_execute_command, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, has_node_port, assign_public_ip, created_at, updated_at)
SELECT id, arn, service_name, cluster_arn, task_definition_arn, desired_count, running_count, pending_count, launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, enable_ecs_managed_tags, propagate_tags, enable_execute_command, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, has_node_port, assign_public_ip, created_at, updated_at FROM kecsctl_new_services;
DROP TABLE kecsctl_new_services;
INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, running_count, pending_count, launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, enable_ecs_managed_tags, propagate_tags, enable_execute_command, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, has_node_port, assign_public_ip, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.service_name'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.task_definition_arn'),
  json_extract(row_json, '$.desired_count'),
  json_extract(row_json, '$.running_count'),
  json_extract(row_json, '$.pending_count'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.role_arn'),
  json_extract(row_json, '$.load_balancers'),
  json_extract(row_json, '$.service_registries'),
  json_extract(row_json, '$.network_configuration'),
  json_extract(row_json, '$.deployment_configuration'),
  json_extract(row_json, '$.deployment_controller'),
  json_extract(row_json, '$.placement_constraints'),
  json_extract(row_json, '$.placement_strategy'),
  json_extract(row_json, '$.capacity_provider_strategy'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.scheduling_strategy'),
  json_extract(row_json, '$.service_connect_configuration'),
  json_extract(row_json, '$.enable_ecs_managed_tags'),
  json_extract(row_json, '$.propagate_tags'),
  json_extract(row_json, '$.enable_execute_command'),
  json_extract(row_json, '$.health_check_grace_period_seconds'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.deployment_name'),
  json_extract(row_json, '$.namespace'),
  json_extract(row_json, '$.node_ports'),
  json_extract(row_json, '$.has_node_port'),
  json_extract(row_json, '$.assign_public_ip'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'services' AND reason = 'not valid';
INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, containers, started_by, version, stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, enable_execute_command, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries)
SELECT id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, containers, started_by, version, stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, enable_execute_command, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries FROM kecsctl_new_tasks;
DROP TABLE kecsctl_new_tasks;
INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, containers, started_by, version, stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, enable_execute_command, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.task_definition_arn'),
  json_extract(row_json, '$.container_instance_arn'),
  json_extract(row_json, '$.overrides'),
  json_extract(row_json, '$.last_status'),
  json_extract(row_json, '$.desired_status'),
  json_extract(row_json, '$.cpu'),
  json_extract(row_json, '$.memory'),
  json_extract(row_json, '$.containers'),
  json_extract(row_json, '$.started_by'),
  json_extract(row_json, '$.version'),
  json_extract(row_json, '$.stop_code'),
  json_extract(row_json, '$.stopped_reason'),
  json_extract(row_json, '$.stopping_at'),
  json_extract(row_json, '$.stopped_at'),
  json_extract(row_json, '$.connectivity'),
  json_extract(row_json, '$.connectivity_at'),
  json_extract(row_json, '$.pull_started_at'),
  json_extract(row_json, '$.pull_stopped_at'),
  json_extract(row_json, '$.execution_stopped_at'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.started_at'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.platform_family'),
  json_extract(row_json, '$.task_group'),
  json_extract(row_json, '$.attachments'),
  json_extract(row_json, '$.health_status'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.attributes'),
  json_extract(row_json, '$.enable_execute_command'),
  json_extract(row_json, '$.capacity_provider_name'),
  json_extract(row_json, '$.ephemeral_storage'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.pod_name'),
  json_extract(row_json, '$.namespace'),
  json_extract(row_json, '$.service_registries')
FROM kecsctl_import_rejects
WHERE source_table = 'tasks' AND reason = 'not valid';
INSERT INTO account_settings (id, name, value, principal_arn, is_default, region, account_id, created_at, updated_at)
SELECT id, name, value, principal_arn, is_default, region, account_id, created_at, updated_at FROM kecsctl_new_account_settings;
DROP TABLE kecsctl_new_account_settings;
INSERT INTO account_settings (id, name, value, principal_arn, is_default, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.name'),
  json_extract(row_json, '$.value'),
  json_extract(row_json, '$.principal_arn'),
  json_extract(row_json, '$.is_default'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'account_settings' AND reason = 'not valid';
INSERT INTO task_sets (id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, computed_desired_count, pending_count, running_count, status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at)
SELECT id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, computed_desired_count, pending_count, running_count, status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at FROM kecsctl_new_task_sets;
DROP TABLE kecsctl_new_task_sets;
INSERT INTO task_sets (id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, computed_desired_count, pending_count, running_count, status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.service_arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.external_id'),
  json_extract(row_json, '$.task_definition'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.platform_family'),
  json_extract(row_json, '$.network_configuration'),
  json_extract(row_json, '$.load_balancers'),
  json_extract(row_json, '$.service_registries'),
  json_extract(row_json, '$.capacity_provider_strategy'),
  json_extract(row_json, '$.scale'),
  json_extract(row_json, '$.computed_desired_count'),
  json_extract(row_json, '$.pending_count'),
  json_extract(row_json, '$.running_count'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.stability_status'),
  json_extract(row_json, '$.stability_status_at'),
  json_extract(row_json, '$.started_by'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.fargate_ephemeral_storage'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'task_sets' AND reason = 'not valid';
INSERT INTO container_instances (id, arn, cluster_arn, ec2_instance_id, status, status_reason, agent_connected, agent_update_status, running_tasks_count, pending_tasks_count, version, version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at)
SELECT id, arn, cluster_arn, ec2_instance_id, status, status_reason, agent_connected, agent_update_status, running_tasks_count, pending_tasks_count, version, version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at FROM kecsctl_new_container_instances;
DROP TABLE kecsctl_new_container_instances;
INSERT INTO container_instances (id, arn, cluster_arn, ec2_instance_id, status, status_reason, agent_connected, agent_update_status, running_tasks_count, pending_tasks_count, version, version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.ec2_instance_id'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.status_reason'),
  json_extract(row_json, '$.agent_connected'),
  json_extract(row_json, '$.agent_update_status'),
  json_extract(row_json, '$.running_tasks_count'),
  json_extract(row_json, '$.pending_tasks_count'),
  json_extract(row_json, '$.version'),
  json_extract(row_json, '$.version_info'),
  json_extract(row_json, '$.registered_resources'),
  json_extract(row_json, '$.remaining_resources'),
  json_extract(row_json, '$.attributes'),
  json_extract(row_json, '$.attachments'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.capacity_provider_name'),
  json_extract(row_json, '$.health_status'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.registered_at'),
  json_extract(row_json, '$.updated_at'),
  json_extract(row_json, '$.deregistered_at')
FROM kecsctl_import_rejects
WHERE source_table = 'container_instances' AND reason = 'not valid';
INSERT INTO attributes (id, name, value, target_type, target_id, cluster, region, account_id, created_at, updated_at)
SELECT id, name, value, target_type, target_id, cluster, region, account_id, created_at, updated_at FROM kecsctl_new_attributes;
DROP TABLE kecsctl_new_attributes;
INSERT INTO attributes (id, name, value, target_type, target_id, cluster, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.name'),
  json_extract(row_json, '$.value'),
  json_extract(row_json, '$.target_type'),
  json_extract(row_json, '$.target_id'),
  json_extract(row_json, '$.cluster'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'attributes' AND reason = 'not valid';
INSERT INTO elbv2_load_balancers (arn, name, dns_name, canonical_hosted_zone_id, state, type, scheme, vpc_id, subnets, availability_zones, security_groups, ip_address_type, tags, region, account_id, created_at, updated_at)
SELECT arn, name, dns_name, canonical_hosted_zone_id, state, type, scheme, vpc_id, subnets, availability_zones, security_groups, ip_address_type, tags, region, account_id, created_at, updated_at FROM kecsctl_new_elbv2_load_balancers;
DROP TABLE kecsctl_new_elbv2_load_balancers;
INSERT INTO elbv2_load_balancers (arn, name, dns_name, canonical_hosted_zone_id, state, type, scheme, vpc_id, subnets, availability_zones, security_groups, ip_address_type, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.name'),
  json_extract(row_json, '$.dns_name'),
  json_extract(row_json, '$.canonical_hosted_zone_id'),
  json_extract(row_json, '$.state'),
  json_extract(row_json, '$.type'),
  json_extract(row_json, '$.scheme'),
  json_extract(row_json, '$.vpc_id'),
  json_extract(row_json, '$.subnets'),
  json_extract(row_json, '$.availability_zones'),
  json_extract(row_json, '$.security_groups'),
  json_extract(row_json, '$.ip_address_type'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_load_balancers' AND reason = 'not valid';
INSERT INTO elbv2_target_groups (arn, name, protocol, port, vpc_id, target_type, health_check_enabled, health_check_protocol, health_check_port, health_check_path, health_check_interval_seconds, health_check_timeout_seconds, healthy_threshold_count, unhealthy_threshold_count, matcher, load_balancer_arns, tags, region, account_id, created_at, updated_at)
SELECT arn, name, protocol, port, vpc_id, target_type, health_check_enabled, health_check_protocol, health_check_port, health_check_path, health_check_interval_seconds, health_check_timeout_seconds, healthy_threshold_count, unhealthy_threshold_count, matcher, load_balancer_arns, tags, region, account_id, created_at, updated_at FROM kecsctl_new_elbv2_target_groups;
DROP TABLE kecsctl_new_elbv2_target_groups;
INSERT INTO elbv2_target_groups (arn, name, protocol, port, vpc_id, target_type, health_check_enabled, health_check_protocol, health_check_port, health_check_path, health_check_interval_seconds, health_check_timeout_seconds, healthy_threshold_count, unhealthy_threshold_count, matcher, load_balancer_arns, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.name'),
  json_extract(row_json, '$.protocol'),
  json_extract(row_json, '$.port'),
  json_extract(row_json, '$.vpc_id'),
  json_extract(row_json, '$.target_type'),
  json_extract(row_json, '$.health_check_enabled'),
  json_extract(row_json, '$.health_check_protocol'),
  json_extract(row_json, '$.health_check_port'),
  json_extract(row_json, '$.health_check_path'),
  json_extract(row_json, '$.health_check_interval_seconds'),
  json_extract(row_json, '$.health_check_timeout_seconds'),
  json_extract(row_json, '$.healthy_threshold_count'),
  json_extract(row_json, '$.unhealthy_threshold_count'),
  json_extract(row_json, '$.matcher'),
  json_extract(row_json, '$.load_balancer_arns'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_target_groups' AND reason = 'not valid';
INSERT INTO elbv2_listeners (arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at)
SELECT arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at FROM kecsctl_new_elbv2_listeners;
DROP TABLE kecsctl_new_elbv2_listeners;
INSERT INTO elbv2_listeners (arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.load_balancer_arn'),
  json_extract(row_json, '$.port'),
  json_extract(row_json, '$.protocol'),
  json_extract(row_json, '$.default_actions'),
  json_extract(row_json, '$.ssl_policy'),
  json_extract(row_json, '$.certificates'),
  json_extract(row_json, '$.alpn_policy'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_listeners' AND reason = 'not valid';
INSERT INTO elbv2_targets (target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at)
SELECT target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at FROM kecsctl_new_elbv2_targets;
DROP TABLE kecsctl_new_elbv2_targets;
INSERT INTO elbv2_targets (target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at)
SELECT json_extract(row_json, '$.target_group_arn'),
  json_extract(row_json, '$.id'),
  json_extract(row_json, '$.port'),
  json_extract(row_json, '$.availability_zone'),
  json_extract(row_json, '$.health_state'),
  json_extract(row_json, '$.health_reason'),
  json_extract(row_json, '$.health_description'),
  json_extract(row_json, '$.registered_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_targets' AND reason = 'not valid';
INSERT INTO elbv2_rules (arn, listener_arn, priority, conditions, actions, is_default, tags, region, account_id, created_at, updated_at)
SELECT arn, listener_arn, priority, conditions, actions, is_default, tags, region, account_id, created_at, updated_at FROM kecsctl_new_elbv2_rules;
DROP TABLE kecsctl_new_elbv2_rules;
INSERT INTO elbv2_rules (arn, listener_arn, priority, conditions, actions, is_default, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.listener_arn'),
  json_extract(row_json, '$.priority'),
  json_extract(row_json, '$.conditions'),
  json_extract(row_json, '$.actions'),
  json_extract(row_json, '$.is_default'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_rules' AND reason = 'not valid';
INSERT INTO task_logs (id, task_arn, container_name, timestamp, log_line, log_level, created_at)
SELECT id, task_arn, container_name, timestamp, log_line, log_level, created_at FROM kecsctl_new_task_logs;
DROP TABLE kecsctl_new_task_logs;
INSERT INTO task_logs (id, task_arn, container_name, timestamp, log_line, log_level, created_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.task_arn'),
  json_extract(row_json, '$.container_name'),
  json_extract(row_json, '$.timestamp'),
  json_extract(row_json, '$.log_line'),
  json_extract(row_json, '$.log_level'),
  json_extract(row_json, '$.created_at')
FROM kecsctl_import_rejects
WHERE source_table = 'task_logs' AND reason = 'not valid';
INSERT INTO services (id, arn, service_name, cluster_arn, task_definition_arn, desired_count, running_count, pending_count, launch_type, platform_version, status, role_arn, load_balancers, service_registries, network_configuration, deployment_configuration, deployment_controller, placement_constraints, placement_strategy, capacity_provider_strategy, tags, scheduling_strategy, service_connect_configuration, enable_ecs_managed_tags, propagate_tags, enable_execute_command, health_check_grace_period_seconds, region, account_id, deployment_name, namespace, node_ports, has_node_port, assign_public_ip, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.service_name'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.task_definition_arn'),
  json_extract(row_json, '$.desired_count'),
  json_extract(row_json, '$.running_count'),
  json_extract(row_json, '$.pending_count'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.role_arn'),
  json_extract(row_json, '$.load_balancers'),
  json_extract(row_json, '$.service_registries'),
  json_extract(row_json, '$.network_configuration'),
  json_extract(row_json, '$.deployment_configuration'),
  json_extract(row_json, '$.deployment_controller'),
  json_extract(row_json, '$.placement_constraints'),
  json_extract(row_json, '$.placement_strategy'),
  json_extract(row_json, '$.capacity_provider_strategy'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.scheduling_strategy'),
  json_extract(row_json, '$.service_connect_configuration'),
  json_extract(row_json, '$.enable_ecs_managed_tags'),
  json_extract(row_json, '$.propagate_tags'),
  json_extract(row_json, '$.enable_execute_command'),
  json_extract(row_json, '$.health_check_grace_period_seconds'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.deployment_name'),
  json_extract(row_json, '$.namespace'),
  json_extract(row_json, '$.node_ports'),
  json_extract(row_json, '$.has_node_port'),
  json_extract(row_json, '$.assign_public_ip'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'services' AND reason = 'orphan';
INSERT INTO task_sets (id, arn, service_arn, cluster_arn, external_id, task_definition, launch_type, platform_version, platform_family, network_configuration, load_balancers, service_registries, capacity_provider_strategy, scale, computed_desired_count, pending_count, running_count, status, stability_status, stability_status_at, started_by, tags, fargate_ephemeral_storage, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.service_arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.external_id'),
  json_extract(row_json, '$.task_definition'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.platform_family'),
  json_extract(row_json, '$.network_configuration'),
  json_extract(row_json, '$.load_balancers'),
  json_extract(row_json, '$.service_registries'),
  json_extract(row_json, '$.capacity_provider_strategy'),
  json_extract(row_json, '$.scale'),
  json_extract(row_json, '$.computed_desired_count'),
  json_extract(row_json, '$.pending_count'),
  json_extract(row_json, '$.running_count'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.stability_status'),
  json_extract(row_json, '$.stability_status_at'),
  json_extract(row_json, '$.started_by'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.fargate_ephemeral_storage'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'task_sets' AND reason = 'orphan';
INSERT INTO container_instances (id, arn, cluster_arn, ec2_instance_id, status, status_reason, agent_connected, agent_update_status, running_tasks_count, pending_tasks_count, version, version_info, registered_resources, remaining_resources, attributes, attachments, tags, capacity_provider_name, health_status, region, account_id, registered_at, updated_at, deregistered_at)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.ec2_instance_id'),
  json_extract(row_json, '$.status'),
  json_extract(row_json, '$.status_reason'),
  json_extract(row_json, '$.agent_connected'),
  json_extract(row_json, '$.agent_update_status'),
  json_extract(row_json, '$.running_tasks_count'),
  json_extract(row_json, '$.pending_tasks_count'),
  json_extract(row_json, '$.version'),
  json_extract(row_json, '$.version_info'),
  json_extract(row_json, '$.registered_resources'),
  json_extract(row_json, '$.remaining_resources'),
  json_extract(row_json, '$.attributes'),
  json_extract(row_json, '$.attachments'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.capacity_provider_name'),
  json_extract(row_json, '$.health_status'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.registered_at'),
  json_extract(row_json, '$.updated_at'),
  json_extract(row_json, '$.deregistered_at')
FROM kecsctl_import_rejects
WHERE source_table = 'container_instances' AND reason = 'orphan';
INSERT INTO tasks (id, arn, cluster_arn, task_definition_arn, container_instance_arn, overrides, last_status, desired_status, cpu, memory, containers, started_by, version, stop_code, stopped_reason, stopping_at, stopped_at, connectivity, connectivity_at, pull_started_at, pull_stopped_at, execution_stopped_at, created_at, started_at, launch_type, platform_version, platform_family, task_group, attachments, health_status, tags, attributes, enable_execute_command, capacity_provider_name, ephemeral_storage, region, account_id, pod_name, namespace, service_registries)
SELECT json_extract(row_json, '$.id'),
  json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.cluster_arn'),
  json_extract(row_json, '$.task_definition_arn'),
  json_extract(row_json, '$.container_instance_arn'),
  json_extract(row_json, '$.overrides'),
  json_extract(row_json, '$.last_status'),
  json_extract(row_json, '$.desired_status'),
  json_extract(row_json, '$.cpu'),
  json_extract(row_json, '$.memory'),
  json_extract(row_json, '$.containers'),
  json_extract(row_json, '$.started_by'),
  json_extract(row_json, '$.version'),
  json_extract(row_json, '$.stop_code'),
  json_extract(row_json, '$.stopped_reason'),
  json_extract(row_json, '$.stopping_at'),
  json_extract(row_json, '$.stopped_at'),
  json_extract(row_json, '$.connectivity'),
  json_extract(row_json, '$.connectivity_at'),
  json_extract(row_json, '$.pull_started_at'),
  json_extract(row_json, '$.pull_stopped_at'),
  json_extract(row_json, '$.execution_stopped_at'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.started_at'),
  json_extract(row_json, '$.launch_type'),
  json_extract(row_json, '$.platform_version'),
  json_extract(row_json, '$.platform_family'),
  json_extract(row_json, '$.task_group'),
  json_extract(row_json, '$.attachments'),
  json_extract(row_json, '$.health_status'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.attributes'),
  json_extract(row_json, '$.enable_execute_command'),
  json_extract(row_json, '$.capacity_provider_name'),
  json_extract(row_json, '$.ephemeral_storage'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.pod_name'),
  json_extract(row_json, '$.namespace'),
  json_extract(row_json, '$.service_registries')
FROM kecsctl_import_rejects
WHERE source_table = 'tasks' AND reason = 'orphan';
INSERT INTO elbv2_listeners (arn, load_balancer_arn, port, protocol, default_actions, ssl_policy, certificates, alpn_policy, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.load_balancer_arn'),
  json_extract(row_json, '$.port'),
  json_extract(row_json, '$.protocol'),
  json_extract(row_json, '$.default_actions'),
  json_extract(row_json, '$.ssl_policy'),
  json_extract(row_json, '$.certificates'),
  json_extract(row_json, '$.alpn_policy'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_listeners' AND reason = 'orphan';
INSERT INTO elbv2_rules (arn, listener_arn, priority, conditions, actions, is_default, tags, region, account_id, created_at, updated_at)
SELECT json_extract(row_json, '$.arn'),
  json_extract(row_json, '$.listener_arn'),
  json_extract(row_json, '$.priority'),
  json_extract(row_json, '$.conditions'),
  json_extract(row_json, '$.actions'),
  json_extract(row_json, '$.is_default'),
  json_extract(row_json, '$.tags'),
  json_extract(row_json, '$.region'),
  json_extract(row_json, '$.account_id'),
  json_extract(row_json, '$.created_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_rules' AND reason = 'orphan';
INSERT INTO elbv2_targets (target_group_arn, id, port, availability_zone, health_state, health_reason, health_description, registered_at, updated_at)
SELECT json_extract(row_json, '$.target_group_arn'),
  json_extract(row_json, '$.id'),
  json_extract(row_json, '$.port'),
  json_extract(row_json, '$.availability_zone'),
  json_extract(row_json, '$.health_state'),
  json_extract(row_json, '$.health_reason'),
  json_extract(row_json, '$.health_description'),
  json_extract(row_json, '$.registered_at'),
  json_extract(row_json, '$.updated_at')
FROM kecsctl_import_rejects
WHERE source_table = 'elbv2_targets' AND reason = 'orphan';
DELETE FROM kecsctl_import_rejects WHERE reason IN ('not valid', 'orphan');
CREATE UNIQUE INDEX idx_tasks_pod_unique ON tasks(pod_name, namespace)
  WHERE pod_name IS NOT NULL AND pod_name <> '';
PRAGMA application_id = 0;
PRAGMA user_version = 0;
