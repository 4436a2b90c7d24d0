# SPDX-License-Identifier: Apache-2.0
"""compare.py FILE DATABASE: whether every row of a DuckDB file is in the SQLite database with the same values, or among
its rejects. Reads both with their own engines, and none of kecsctl's code. Prints a line a table; status 1 when a row is
missing, changed or doubled."""
import datetime
import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import duckdb

scratch = Path(tempfile.mkdtemp())
shutil.copy(sys.argv[1], scratch / 'copy.db')
if Path(sys.argv[1] + '.wal').exists():
    shutil.copy(sys.argv[1] + '.wal', scratch / 'copy.db.wal')
duck = duckdb.connect(str(scratch / 'copy.db'))
lite = sqlite3.connect(f'file:{sys.argv[2]}?mode=ro', uri=True)
problems = 0


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    return int(value) if isinstance(value, bool) else value


rejects = {}
for table, key, row in lite.execute('SELECT source_table, source_key, row_json FROM kecsctl_import_rejects'):
    rejects.setdefault(table, []).append(json.loads(row))
for (table,) in duck.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1").fetchall():
    columns = [row[0] for row in duck.execute(f'DESCRIBE {table}').fetchall()]
    names = ['k8s_cluster_name' if name == 'kind_cluster_name' and table == 'clusters' else name for name in columns]
    mine = {row[1]: row[4] for row in lite.execute(f'PRAGMA table_xinfo({table})')}
    rows = [tuple(map(plain, row)) for row in duck.execute(f'SELECT * FROM {table}').fetchall()]
    found = lite.execute('SELECT ' + ', '.join('"' + name + '"' for name in names) + f' FROM {table}').fetchall()

    def default(name):
        return lite.execute(f'SELECT {mine[name]}').fetchone()[0] if mine.get(name) is not None else None

    # A NULL where there may be none gets the column's default.
    required = {row[1] for row in lite.execute(f'PRAGMA table_xinfo({table})') if row[3]}
    rows = [tuple(default(n) if v is None and n in required else v for n, v in zip(names, row)) for row in rows]
    left = list(found)
    missing = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            missing.append(row)
    kept = rejects.get(table, [])
    key = next((i for i, n in enumerate(columns) if n in ('id', 'arn')), 0)
    unexplained = [row for row in missing if row[key] not in [r.get(columns[key]) for r in kept]]
    print(table, len(rows), 'rows,', len(found), 'came over,', len(kept), 'rejected')
    if left or unexplained or len(rows) != len(found) + len(kept):
        problems += 1
        print('  not in the source:', left, '\n  lost:', unexplained)
shutil.rmtree(scratch)
sys.exit(1 if problems else 0)
