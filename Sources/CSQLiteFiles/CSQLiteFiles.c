// SPDX-License-Identifier: Apache-2.0
// Which files SQLite may touch. Its unix VFS does everything with paths through a table of system calls that may be
// replaced (sqlite3_vfs.xSetSystemCall); the locks and the shared memory stay SQLite's own. The paths are made up:
// "/.kecsctl-RANDOM/7/db-journal" is the journal of the seventh admitted database, and is opened below the descriptor of
// its folder. Every other path is refused, wherever SQLite has it from: a rollback journal can name a super-journal,
// which SQLite would open and, once it has rolled back, delete (https://sqlite.org/atomiccommit.html, 5.3).
#define _GNU_SOURCE 1
#include "CSQLiteFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct admitted {
    int folder; // -1: the entry is free
    char name[NAME_MAX + 1];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct admitted *table;
static int count;
static char prefix[48];
static size_t prefix_length;

enum kind { OTHER, REFUSED, FOLDER, DATABASE, JOURNAL, WAL, SHM };

/// What a path of ours stands for. `folder` is a copy of the descriptor's number, `name` the real name.
static enum kind find(const char *path, int *folder, char name[NAME_MAX + 1]) {
    if (path == NULL || strncmp(path, prefix, prefix_length) != 0) return OTHER;
    char *rest;
    long number = strtol(path + prefix_length, &rest, 10);
    enum kind kind = REFUSED;
    const char *suffix = "";
    if (*rest == 0 || strcmp(rest, "/") == 0 || strcmp(rest, "/.") == 0) kind = FOLDER;
    else if (strcmp(rest, "/db") == 0) kind = DATABASE;
    else if (strcmp(rest, "/db-journal") == 0) { kind = JOURNAL; suffix = "-journal"; }
    else if (strcmp(rest, "/db-wal") == 0) { kind = WAL; suffix = "-wal"; }
    else if (strcmp(rest, "/db-shm") == 0) { kind = SHM; suffix = "-shm"; }
    if (kind == REFUSED) return kind;
    pthread_mutex_lock(&lock);
    if (number < 0 || number >= count || table[number].folder < 0) kind = REFUSED;
    else {
        *folder = table[number].folder;
        if ((size_t)snprintf(name, NAME_MAX + 1, "%s%s", table[number].name, suffix) > NAME_MAX) kind = REFUSED;
    }
    pthread_mutex_unlock(&lock);
    return kind;
}

static int refuse(int error) {
    errno = error;
    return -1;
}

/// SQLITE_TEMP_FILE_PREFIX: "etilqs_" and random letters, in a folder of temporary files.
static int is_temporary(const char *path) {
    const char *slash = strrchr(path, '/');
    return strncmp(slash ? slash + 1 : path, "etilqs_", 7) == 0;
}

static int is_temporary_folder(const char *path) {
    const char *known[] = {
        getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), sqlite3_temp_directory, "/var/tmp", "/usr/tmp", "/tmp",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] && strcmp(known[i], path) == 0) return 1;
    return 0;
}

/// A file without a name in the folder that SQLite chose.
static int open_temporary(const char *path) {
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length == 0 || length >= sizeof folder) return refuse(EACCES);
    memcpy(folder, path, length);
    folder[length] = 0;
    if (!is_temporary_folder(folder)) return refuse(EACCES);
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
    char name[PATH_MAX + 24];
    snprintf(name, sizeof name, "%s/.kecsctl-XXXXXX", folder);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0) unlink(name);
    return fd;
}

static int open_admitted(int folder, const char *name, int flags, mode_t mode) {
    struct open_how how = {
        // A FIFO must not be waited for.
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
        .mode = flags & O_CREAT ? mode & 07777 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = openat(folder, name, (int)how.flags, mode);
    if (fd < 0) return fd;
    struct stat facts;
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) return fd;
    close(fd);
    return refuse(EACCES);
}

static int my_open(const char *path, int flags, int mode) {
    int folder;
    char name[NAME_MAX + 1];
    switch (find(path, &folder, name)) {
    case OTHER:
        if (is_temporary(path)) return flags & O_CREAT ? open_temporary(path) : refuse(EACCES);
        // SQLite's random numbers, and what it fills descriptors 0 to 2 with.
        if (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/null") == 0) return open(path, flags & ~O_CREAT);
        return refuse(EACCES);
    case REFUSED: return refuse(EACCES);
    case FOLDER: return openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    default: return open_admitted(folder, name, flags, (mode_t)mode);
    }
}

static int my_stat(const char *path, struct stat *facts) {
    int folder;
    char name[NAME_MAX + 1];
    switch (find(path, &folder, name)) {
    case OTHER: return is_temporary_folder(path) ? stat(path, facts) : refuse(ENOENT);
    case REFUSED: return refuse(ENOENT);
    case FOLDER: return fstat(folder, facts);
    default: return fstatat(folder, name, facts, AT_SYMLINK_NOFOLLOW);
    }
}

static int my_access(const char *path, int mode) {
    int folder;
    char name[NAME_MAX + 1];
    switch (find(path, &folder, name)) {
    case OTHER: return is_temporary_folder(path) ? access(path, mode) : refuse(ENOENT);
    case REFUSED: return refuse(ENOENT);
    case FOLDER: return faccessat(folder, ".", mode, AT_EACCESS);
    default: return faccessat(folder, name, mode, AT_EACCESS | AT_SYMLINK_NOFOLLOW);
    }
}

static int my_unlink(const char *path) {
    int folder;
    char name[NAME_MAX + 1];
    switch (find(path, &folder, name)) {
    case JOURNAL: case WAL: case SHM: return unlinkat(folder, name, 0);
    // It never had a name.
    case OTHER: return is_temporary(path) ? 0 : refuse(EACCES);
    default: return refuse(EACCES);
    }
}

static int no_directory(const char *path, mode_t mode) { (void)path; (void)mode; return refuse(EACCES); }
static int no_removal(const char *path) { (void)path; return refuse(EACCES); }
static ssize_t no_link(const char *path, char *text, size_t room) {
    (void)path; (void)text; (void)room;
    return refuse(EINVAL);
}

static int installed = -1;

static void install(void) {
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random) return;
    int length = snprintf(prefix, sizeof prefix, "/.kecsctl-");
    for (size_t i = 0; i < sizeof random; i++) length += sprintf(prefix + length, "%02x", random[i]);
    prefix[length++] = '/';
    prefix_length = (size_t)length;
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");
    if (unix_vfs == NULL || unix_vfs->iVersion < 3) return;
    struct { const char *name; sqlite3_syscall_ptr call; } calls[] = {
        { "open", (sqlite3_syscall_ptr)my_open }, { "access", (sqlite3_syscall_ptr)my_access },
        { "stat", (sqlite3_syscall_ptr)my_stat }, { "lstat", (sqlite3_syscall_ptr)my_stat },
        { "unlink", (sqlite3_syscall_ptr)my_unlink }, { "mkdir", (sqlite3_syscall_ptr)no_directory },
        { "rmdir", (sqlite3_syscall_ptr)no_removal }, { "readlink", (sqlite3_syscall_ptr)no_link },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (unix_vfs->xSetSystemCall(unix_vfs, calls[i].name, calls[i].call) != SQLITE_OK) return;
    installed = 0;
}

int sqlitefiles_admit(int folder, const char *file, char name[SQLITEFILES_NAME]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    int error = 0, number = -1;
    if (installed != 0) error = ENOTSUP;
    else if (*file == 0 || strchr(file, '/') != NULL || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
        error = EINVAL;
    else if (strlen(file) + strlen("-journal") > NAME_MAX) error = ENAMETOOLONG;
    if (error != 0) {
        close(folder);
        return refuse(error);
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && number < 0; i++)
        if (table[i].folder < 0) number = i;
    if (number < 0) {
        int more = count ? 2 * count : 16;
        struct admitted *larger = realloc(table, (size_t)more * sizeof *larger);
        if (larger != NULL) {
            table = larger;
            for (int i = count; i < more; i++) table[i].folder = -1;
            number = count;
            count = more;
        }
    }
    if (number >= 0) {
        table[number].folder = folder;
        strcpy(table[number].name, file);
        snprintf(name, SQLITEFILES_NAME, "%s%d/db", prefix, number);
    }
    pthread_mutex_unlock(&lock);
    if (number < 0) {
        close(folder);
        return refuse(ENOMEM);
    }
    return number;
}

void sqlitefiles_forget(int number) {
    pthread_mutex_lock(&lock);
    if (number >= 0 && number < count && table[number].folder >= 0) {
        close(table[number].folder);
        table[number].folder = -1;
    }
    pthread_mutex_unlock(&lock);
}
