# SPDX-License-Identifier: Apache-2.0
"""make.py FILE SCHEMA.sql: a DuckDB file as upstream's control plane left it, with rows in every table that are hard to
carry: NULL beside '', the literal 'null', microseconds, unicode, big numbers, an orphan, duplicate pods, a row that is
not valid, a column that is missing. Half of the rows are only in the .wal.

make.py --hold FILE: opens the file as a server does, says so, and waits for the end of its input."""
import os
import sys

import duckdb

if sys.argv[1] == '--hold':
    connection = duckdb.connect(sys.argv[2])
    print('open', flush=True)
    sys.stdin.read()
    sys.exit(0)

connection = duckdb.connect(sys.argv[1])
connection.execute('PRAGMA disable_checkpoint_on_shutdown')
for statement in open(sys.argv[2]).read().split(';'):
    if statement.strip():
        connection.execute(statement)
connection.execute('ALTER TABLE services DROP COLUMN IF EXISTS deployment_controller')
tables = {}
for table, column, kind in connection.execute(
        "SELECT table_name, column_name, upper(data_type) FROM information_schema.columns "
        "WHERE table_schema = 'main' ORDER BY table_name, ordinal_position").fetchall():
    tables.setdefault(table, []).append((column, kind))

TEXTS = ['', 'null', 'größe 日本語 \U0001f600', 'line\nbreak\ttab "quoted" \'single\' \\ back', ' blanks ', None]
JSON = ['', 'null', '[]', '{"a" : 1,  "b":"\\u003c"}', '[{"key":"größe","value":""}]', None]
# What refers to another row, and what must be one of a few words.
PARENTS = {'cluster_arn': 'arn:clusters:0', 'task_definition_arn': 'arn:task_definitions:0',
           'service_arn': 'arn:services:0', 'load_balancer_arn': 'arn:elbv2_load_balancers:0',
           'target_group_arn': 'arn:elbv2_target_groups:0', 'listener_arn': 'arn:elbv2_listeners:0',
           'task_arn': 'arn:tasks:0'}
# As the services write them: texts of JSON.
JSONS = {'configuration', 'settings', 'tags', 'capacity_providers', 'default_capacity_provider_strategy',
         'localstack_state', 'container_definitions', 'volumes', 'placement_constraints', 'requires_compatibilities',
         'proxy_configuration', 'inference_accelerators', 'runtime_platform', 'load_balancers', 'service_registries',
         'network_configuration', 'deployment_configuration', 'deployment_controller', 'placement_strategy',
         'capacity_provider_strategy', 'service_connect_configuration', 'node_ports', 'overrides', 'containers',
         'attachments', 'attributes', 'ephemeral_storage', 'scale', 'fargate_ephemeral_storage', 'version_info',
         'registered_resources', 'remaining_resources', 'subnets', 'availability_zones', 'security_groups',
         'load_balancer_arns', 'default_actions', 'conditions', 'actions', 'certificates', 'alpn_policy'}
# Never empty, in any version.
FILLED = {'container_definitions'}


def value(table, column, kind, row):
    if column == 'revision':
        return row + 1
    if column == 'arn':
        return f'arn:{table}:{row}'
    if column == 'id':
        return f'{table}-{row}'
    if column in PARENTS and table not in ('clusters', 'task_definitions'):
        return PARENTS[column]
    if kind.startswith('TIMESTAMP'):
        return f'2025-09-{10 + row} 09:00:00.12345{row}'
    if kind in ('BIGINT', 'HUGEINT'):
        return [0, 9007199254740993, -1, 7][row % 4]
    if kind in ('INTEGER', 'SMALLINT'):
        return [0, 2147483647, 5, 7][row % 4]
    if kind == 'BOOLEAN':
        return row % 2 == 0
    if column in ('last_status', 'desired_status', 'status', 'name', 'family', 'launch_type', 'namespace'):
        return f'{column}-{row}'
    if kind == 'JSON' or column in JSONS:
        words = JSON if kind != 'JSON' and not table.startswith('elbv2') else JSON[1:]
        return words[row % len(words)] or ('[]' if column in FILLED else words[row % len(words)])
    if column == 'pod_name':
        return f'pod-{row}'
    return TEXTS[row % len(TEXTS)]


def insert(table, values):
    names = ', '.join('"' + name + '"' for name in values)
    marks = ', '.join('?' for _ in values)
    connection.execute(f'INSERT INTO {table} ({names}) VALUES ({marks})', list(values.values()))


def fill(rows):
    for table, columns in tables.items():
        for row in rows:
            values = {column: value(table, column, kind, row) for column, kind in columns}
            for attempt in range(2):
                try:
                    insert(table, values)
                    break
                except duckdb.ConstraintException:
                    # A column that may not be empty, or must not be the same twice.
                    values = {c: v if v is not None and v not in TEXTS or c in JSONS and v is not None
                              else '[]' if c in JSONS else f'{c} {row}' for c, v in values.items()}


fill(range(3))
connection.execute('CHECKPOINT')
fill(range(3, 6))
good = {column: value('services', column, kind, 0) for column, kind in tables['services']}
insert('services', {**good, 'id': 'orphan', 'arn': 'arn:services:orphan', 'service_name': 'orphan',
                    'cluster_arn': 'arn:clusters:gone'})
good = {column: value('tasks', column, kind, 0) for column, kind in tables['tasks']}
for number, day in ((1, '20'), (2, '22'), (3, '21')):
    insert('tasks', {**good, 'id': f'twice-{number}', 'arn': f'arn:tasks:twice-{number}', 'pod_name': 'twice',
                     'created_at': f'2025-09-{day} 10:00:00'})
good = {column: value('task_definitions', column, kind, 0) for column, kind in tables['task_definitions']}
insert('task_definitions', {**good, 'id': 'bad', 'arn': 'arn:task_definitions:bad', 'family': 'bad',
                            'container_definitions': 'not json'})
for table in tables:
    print(table, connection.execute(f'SELECT count(*) FROM {table}').fetchone()[0])
# Without an orderly end, so that the newest rows stay in the .wal.
sys.stdout.flush()
os._exit(0)
