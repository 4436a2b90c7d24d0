-- One task a pod (upstream #571). Of several rows for one pod the newest stays; the others are kept as rejects.

-- migrate:up
CREATE TABLE IF NOT EXISTS kecsctl_import_rejects (
  id INTEGER PRIMARY KEY, source_table TEXT NOT NULL, source_key TEXT,
  reason TEXT NOT NULL, row_json TEXT NOT NULL CHECK (json_valid(row_json)),
  rejected_at TEXT NOT NULL
) STRICT;
INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
SELECT 'tasks', id, 'duplicate pod', json_object(
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
FROM (
  SELECT *, rowid AS place, row_number() OVER (PARTITION BY pod_name, namespace ORDER BY created_at DESC, id) AS rank
  FROM tasks WHERE pod_name <> '' AND namespace IS NOT NULL
)
WHERE rank > 1;
DELETE FROM tasks WHERE rowid IN (SELECT place FROM (
  SELECT *, rowid AS place, row_number() OVER (PARTITION BY pod_name, namespace ORDER BY created_at DESC, id) AS rank
  FROM tasks WHERE pod_name <> '' AND namespace IS NOT NULL
) WHERE rank > 1);
CREATE UNIQUE INDEX idx_tasks_pod_unique ON tasks(pod_name, namespace)
  WHERE pod_name IS NOT NULL AND pod_name <> '';

-- migrate:down
DROP INDEX idx_tasks_pod_unique;
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
WHERE source_table = 'tasks' AND reason = 'duplicate pod';
DELETE FROM kecsctl_import_rejects WHERE source_table = 'tasks' AND reason = 'duplicate pod';
