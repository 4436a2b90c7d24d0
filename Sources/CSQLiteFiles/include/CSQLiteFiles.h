// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

/// Enough for the name under which SQLite knows a database.
#define SQLITEFILES_NAME 96

/// Lets SQLite reach one file in one folder, with its sidecars (`-journal`, `-wal`, `-shm`), and nothing else.
///
/// From the first call on, SQLite in this process opens no other file: not what a super-journal names, not what is
/// attached. It makes temporary files, which have no name.
///
/// - folder: a descriptor (O_PATH will do), which is this function's from now on, also when it fails.
/// - file: the file's name in it.
/// - name: gets what to pass to sqlite3_open_v2 with the VFS "unix".
/// Returns a number to give back to `sqlitefiles_forget` when the connection is closed, or -1 with errno.
int sqlitefiles_admit(int folder, const char *file, char name[SQLITEFILES_NAME]);
void sqlitefiles_forget(int number);
