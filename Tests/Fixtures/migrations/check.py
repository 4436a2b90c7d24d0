# SPDX-License-Identifier: Apache-2.0
"""check.py sqlx|golang-migrate DATABASE DIRECTORY: what these tools themselves look at before they run, written from
their sources (sqlx-core src/migrate/migrator.rs and sqlx-sqlite src/migrate.rs; golang-migrate migrate.go, versionExists
and database/sqlite3/sqlite3.go) with Python's own SQLite and hashes. Prints the versions; status 1 with the reason
when the tool would refuse to go on."""
import hashlib
import re
import sqlite3
import sys
from pathlib import Path

tool, database, directory = sys.argv[1:]
connection = sqlite3.connect(f'file:{database}?mode=ro', uri=True)
ups = {}
for file in sorted(Path(directory).glob('*.sql')):
    number, rest = re.match(r'(\d+)_(.*)', file.name).groups()
    if not rest.endswith('.down.sql'):
        ups[int(number)] = file
if tool == 'sqlx':
    columns = [(row[1], row[2], row[3], row[5]) for row in connection.execute('PRAGMA table_info(_sqlx_migrations)')]
    assert columns == [('version', 'BIGINT', 0, 1), ('description', 'TEXT', 1, 0), ('installed_on', 'TIMESTAMP', 1, 0),
                       ('success', 'BOOLEAN', 1, 0), ('checksum', 'BLOB', 1, 0), ('execution_time', 'BIGINT', 1, 0)], columns
    dirty = connection.execute(
        'SELECT version FROM _sqlx_migrations WHERE success = false ORDER BY version LIMIT 1').fetchone()
    assert dirty is None, f'migration {dirty} is dirty'
    applied = connection.execute(
        'SELECT version, checksum, description, installed_on, execution_time FROM _sqlx_migrations ORDER BY version').fetchall()
    for version, checksum, description, installed, took in applied:
        assert version in ups, f'migration {version} was applied, but is missing'
        content = ups[version].read_bytes()
        assert isinstance(checksum, bytes) and checksum == hashlib.sha384(content).digest(), f'migration {version} was modified'
        title = re.sub(r'(\.up)?\.sql$', '', ups[version].name.split('_', 1)[1]).replace('_', ' ')
        assert description == title, (description, title)
        assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', installed), installed
        assert isinstance(took, int) and took >= 0, took
    print(*[row[0] for row in applied])
elif tool == 'golang-migrate':
    columns = [(row[1], row[2]) for row in connection.execute('PRAGMA table_info(schema_migrations)')]
    assert columns == [('version', 'uint64'), ('dirty', 'bool')], columns
    rows = connection.execute('SELECT version, dirty FROM schema_migrations').fetchall()
    assert len(rows) <= 1, rows
    for version, dirty in rows:
        assert not dirty, f'Dirty database version {version}. Fix and force version.'
        assert version in ups, f'no migration found for version {version}'
    print(*[row[0] for row in rows])
else:
    sys.exit(f'no such tool: {tool}')
