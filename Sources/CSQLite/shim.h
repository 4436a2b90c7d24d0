// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sqlite3.h>

/// `SQLITE_TRANSIENT` is a cast macro that Swift does not import: SQLite copies the bytes at once.
static inline sqlite3_destructor_type csqlite_transient(void) { return SQLITE_TRANSIENT; }

/// `sqlite3_db_config` is variadic, which Swift cannot call. Switches one option on (1) or off (0).
static inline int csqlite_configure(sqlite3 *database, int option, int on) {
    return sqlite3_db_config(database, option, on, (int *)0);
}
