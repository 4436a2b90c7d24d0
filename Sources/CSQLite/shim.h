// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sqlite3.h>

/// `SQLITE_TRANSIENT` is a cast macro that Swift does not import: SQLite copies the bytes at once.
static inline sqlite3_destructor_type csqlite_transient(void) { return SQLITE_TRANSIENT; }
