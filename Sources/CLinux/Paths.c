// SPDX-License-Identifier: Apache-2.0
// The one way to a path. Every function here does what the system call of that name does, and in addition refuses to be
// led astray by whoever owns a folder on the way:
//
// - As long as each folder on the way belongs to root, to this user or to the home's owner, and nobody else can write in
//   it, links are followed as usual: they are the administrator's choice.
// - From the first folder on that somebody else can write in, no link is followed any more (ELOOP), whatever it was when
//   somebody looked at it before: what is done happens below that folder or not at all.
//
// The usual path has no link, and costs one openat2(2) more than the plain call. Other files of Sources/ use no call that
// takes a path; scripts/check sees to it.
#define _GNU_SOURCE 1
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINK_LIMIT = 40, TRIES = 16 };
static const uint64_t NO_LINKS = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

static _Atomic int64_t home_owner = -1;

void paths_trust(uint32_t user) { atomic_store(&home_owner, user); }

int paths_is_trusted(uint32_t user) {
    // -1 is nobody's: it only asks. What this thread makes belongs to its file system user.
    return user == 0 || user == (uint32_t)setfsuid((uid_t)-1) || (int64_t)user == atomic_load(&home_owner);
}

/// Whether only trusted users can put another thing at a name in this folder. In a sticky one (/tmp) others can only
/// replace what is their own, and that is looked at by itself.
static int is_trusted_folder(const struct stat *facts) {
    if (!paths_is_trusted(facts->st_uid)) return 0;
    if (facts->st_mode & S_ISVTX) return 1;
    if (facts->st_mode & S_IWOTH) return 0;
    return !(facts->st_mode & S_IWGRP) || facts->st_gid == 0 || facts->st_gid == getegid();
}

/// Closes without losing the error that is on its way.
static int give_up(int fd) {
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return -1;
}

static int open_at(int folder, const char *name, int flags, unsigned mode, uint64_t resolve) {
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
        .resolve = resolve,
    };
    for (int i = 0; i < TRIES; i++) {
        int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
        // Somebody renamed something just then.
        if (fd < 0 && errno == EAGAIN) continue;
        return fd;
    }
    return -1;
}

/// One name in an open folder; a link is ELOOP, or the link itself with O_PATH.
static int open_name(int folder, const char *name, int flags, unsigned mode) {
    flags |= O_CLOEXEC | O_NOFOLLOW;
    int fd = open_at(folder, name, flags, mode, RESOLVE_BENEATH | NO_LINKS);
    // Kernels before 5.6 do not have it, and old container runtimes forbid it. One name alone leads nowhere else.
    if (fd < 0 && (errno == ENOSYS || (errno == EPERM && !(flags & O_NOATIME))) && strchr(name, '/') == NULL)
        return openat(folder, name, flags, mode);
    return fd;
}

struct place {
    int folder;
    char name[NAME_MAX + 1];
};

/// Goes step by step. `follow`: whether the last name may be a link; else it is what is wanted.
/// On success `place` has the folder that holds it, and its name in it ("." for the root).
static int walk(const char *path, int follow, struct place *place) {
    char rest[2 * PATH_MAX];
    if (strlen(path) >= PATH_MAX) { errno = ENAMETOOLONG; return -1; }
    if (*path == 0) { errno = ENOENT; return -1; }
    strcpy(rest, path);
    int links = 0, trusted = 1;
    struct stat facts;
    int here = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0) return -1;
    if (fstat(here, &facts) != 0) return give_up(here);
    trusted = is_trusted_folder(&facts);
    char *next = rest;
    strcpy(place->name, ".");
    for (;;) {
        while (*next == '/') next++;
        if (*next == 0) { place->folder = here; return 0; }
        size_t count = strcspn(next, "/");
        if (count > NAME_MAX) { errno = ENAMETOOLONG; return give_up(here); }
        char name[NAME_MAX + 1];
        memcpy(name, next, count);
        name[count] = 0;
        char *after = next + count;
        while (*after == '/') after++;
        int is_last = *after == 0;
        next = after;
        if (strcmp(name, ".") == 0) continue;
        if (strcmp(name, "..") == 0 && !trusted) { errno = EXDEV; return give_up(here); }
        int fd = openat(here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            if (errno != ENOENT || !is_last) return give_up(here);
            // What is to be made.
            strcpy(place->name, name);
            place->folder = here;
            return 0;
        }
        if (fstat(fd, &facts) != 0) { give_up(here); return give_up(fd); }
        if (S_ISLNK(facts.st_mode) && (!is_last || follow)) {
            char target[PATH_MAX];
            ssize_t length = readlinkat(fd, "", target, sizeof target);
            if (length < 0) { give_up(here); return give_up(fd); }
            close(fd);
            if (!trusted || !paths_is_trusted(facts.st_uid) || ++links > LINK_LIMIT) {
                errno = ELOOP;
                return give_up(here);
            }
            size_t left = strlen(next);
            if ((size_t)length + 1 + left >= PATH_MAX) { errno = ENAMETOOLONG; return give_up(here); }
            char joined[2 * PATH_MAX];
            memcpy(joined, target, (size_t)length);
            joined[length] = '/';
            memcpy(joined + length + 1, next, left + 1);
            if (left == 0) joined[length] = 0;
            strcpy(rest, joined);
            next = rest;
            if (*rest == '/') {
                close(here);
                here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (here < 0) return -1;
                if (fstat(here, &facts) != 0) return give_up(here);
                trusted = is_trusted_folder(&facts);
            }
            strcpy(place->name, ".");
            continue;
        }
        if (is_last && strcmp(name, "..") != 0) {
            close(fd);
            strcpy(place->name, name);
            place->folder = here;
            return 0;
        }
        if (!S_ISDIR(facts.st_mode)) { close(fd); errno = ENOTDIR; return give_up(here); }
        // Going up, the folders passed before were all trusted.
        trusted = trusted && is_trusted_folder(&facts);
        close(here);
        here = fd;
    }
}

int paths_folder(const char *path) {
    int fd = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NO_LINKS);
    if (fd >= 0 || (errno != ELOOP && errno != ENOSYS && errno != EPERM)) return fd;
    struct place place;
    if (walk(path, 1, &place) != 0) return -1;
    fd = open_name(place.folder, place.name, O_PATH | O_DIRECTORY, 0);
    give_up(place.folder);
    return fd;
}

/// The folder that holds the last name of a path, and that name.
static int parent(const char *path, struct place *place) {
    size_t end = strlen(path);
    if (end == 0) { errno = ENOENT; return -1; }
    if (end >= PATH_MAX) { errno = ENAMETOOLONG; return -1; }
    while (end > 1 && path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    size_t count = end - start;
    if (count > NAME_MAX) { errno = ENAMETOOLONG; return -1; }
    if (count == 2 && memcmp(path + start, "..", 2) == 0) { errno = EINVAL; return -1; }
    if (count == 0) strcpy(place->name, ".");
    else {
        memcpy(place->name, path + start, count);
        place->name[count] = 0;
    }
    char above[PATH_MAX];
    if (start == 0) strcpy(above, ".");
    else {
        memcpy(above, path, start);
        above[start] = 0;
    }
    place->folder = paths_folder(above);
    return place->folder < 0 ? -1 : 0;
}

/// The same with the last name's own link followed, where that may be.
static int target(const char *path, struct place *place) {
    if (parent(path, place) != 0) return -1;
    struct stat facts;
    if (fstatat(place->folder, place->name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(facts.st_mode)) return 0;
    close(place->folder);
    return walk(path, 1, place);
}

/// What the caller itself has open: `<(zcat dump.gz)` of a shell.
static int is_descriptor(const char *path) {
    return strcmp(path, "/dev/stdin") == 0 || strncmp(path, "/dev/fd/", 8) == 0
        || strncmp(path, "/proc/self/fd/", 14) == 0;
}

int paths_open(const char *path, int flags, uint32_t mode) {
    if (is_descriptor(path) && !(flags & (O_CREAT | O_NOFOLLOW))) return open(path, flags | O_CLOEXEC);
    struct place place;
    if (parent(path, &place) != 0) return -1;
    int fd = open_name(place.folder, place.name, flags, mode);
    give_up(place.folder);
    if (fd >= 0 || flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL)) return fd;
    // A link is no folder, when one is wanted.
    if (errno != ELOOP && !(errno == ENOTDIR && flags & O_DIRECTORY)) return fd;
    if (walk(path, 1, &place) != 0) return -1;
    fd = open_name(place.folder, place.name, flags, mode);
    give_up(place.folder);
    return fd;
}

#define WITH(find, path, call)                   \
    struct place place;                          \
    if (find(path, &place) != 0) return -1;      \
    int result = (call);                         \
    give_up(place.folder);                       \
    return result;

int paths_lstat(const char *path, void *facts) {
    WITH(parent, path, fstatat(place.folder, place.name, facts, AT_SYMLINK_NOFOLLOW))
}

/// What the kernel itself says of processes. Its links lead into their mount namespaces, and are no paths.
static int is_proc(const char *path) { return strncmp(path, "/proc/", 6) == 0; }

int paths_stat(const char *path, void *facts) {
    if (is_proc(path)) return stat(path, facts);
    WITH(target, path, fstatat(place.folder, place.name, facts, AT_SYMLINK_NOFOLLOW))
}

int paths_access(const char *path, int mode) {
    WITH(target, path, faccessat(place.folder, place.name, mode, AT_EACCESS | AT_SYMLINK_NOFOLLOW))
}

int paths_statvfs(const char *path, void *facts) {
    if (is_proc(path)) return statvfs(path, facts);
    WITH(target, path, ({
        int fd = open_name(place.folder, place.name, O_PATH, 0);
        int code = fd < 0 ? -1 : fstatvfs(fd, facts);
        give_up(fd);
        code;
    }))
}

int64_t paths_readlink(const char *path, char *text, uint64_t room) {
    struct place place;
    if (parent(path, &place) != 0) return -1;
    ssize_t count = readlinkat(place.folder, place.name, text, room);
    give_up(place.folder);
    return count;
}

int paths_unlink(const char *path) { WITH(parent, path, unlinkat(place.folder, place.name, 0)) }
int paths_rmdir(const char *path) { WITH(parent, path, unlinkat(place.folder, place.name, AT_REMOVEDIR)) }
int paths_mkdir(const char *path, uint32_t mode) { WITH(parent, path, mkdirat(place.folder, place.name, mode)) }

int paths_symlink(const char *target, const char *path) {
    WITH(parent, path, symlinkat(target, place.folder, place.name))
}

static int two(const char *from, const char *to, int is_link, unsigned flags) {
    struct place old, new;
    if (parent(from, &old) != 0) return -1;
    if (parent(to, &new) != 0) return give_up(old.folder);
    int result = is_link ? linkat(old.folder, old.name, new.folder, new.name, 0)
        : (int)syscall(SYS_renameat2, old.folder, old.name, new.folder, new.name, flags);
    give_up(old.folder);
    give_up(new.folder);
    return result;
}

int paths_rename(const char *from, const char *to) { return two(from, to, 0, 0); }
int paths_rename_noreplace(const char *from, const char *to) { return two(from, to, 0, 1u /* RENAME_NOREPLACE */); }
int paths_exchange(const char *one, const char *other) { return two(one, other, 0, 2u /* RENAME_EXCHANGE */); }
int paths_link(const char *from, const char *to) { return two(from, to, 1, 0); }

int64_t paths_mount_id(const char *path) {
    struct place place;
    if (parent(path, &place) != 0) return -1;
    struct statx facts;
    int code = statx(place.folder, place.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &facts);
    give_up(place.folder);
    if (code != 0) return -1;
    return facts.stx_mask & STATX_MNT_ID ? (int64_t)facts.stx_mnt_id : -2;
}

int64_t paths_birth(const char *path, uint32_t *nanoseconds) {
    struct place place;
    if (parent(path, &place) != 0) return -1;
    struct statx facts;
    int code = statx(place.folder, place.name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BTIME, &facts);
    give_up(place.folder);
    if (code != 0) return -1;
    *nanoseconds = facts.stx_btime.tv_nsec;
    return facts.stx_mask & STATX_BTIME ? (int64_t)facts.stx_btime.tv_sec : -2;
}

char *paths_resolve(const char *path, char *text) {
    struct place place;
    if (walk(path, 1, &place) != 0) return NULL;
    int fd = open_name(place.folder, place.name, O_PATH, 0);
    give_up(place.folder);
    if (fd < 0) return NULL;
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t count = readlink(link, text, PATH_MAX - 1);
    give_up(fd);
    if (count <= 0) return NULL;
    text[count] = 0;
    if (*text != '/') { errno = ENOENT; return NULL; }
    return text;
}

/// The inode at a path, whose mode and owner may be changed: no link, and no file that has another name which whoever
/// can write in this folder may have given it.
static int changeable(const char *path) {
    struct place place;
    if (parent(path, &place) != 0) return -1;
    struct stat folder, facts;
    int fd = open_name(place.folder, place.name, O_PATH, 0);
    if (fd < 0 || fstat(place.folder, &folder) != 0 || fstat(fd, &facts) != 0) {
        give_up(place.folder);
        return give_up(fd);
    }
    close(place.folder);
    if (!S_ISDIR(facts.st_mode) && facts.st_nlink > 1 && !is_trusted_folder(&folder)) {
        errno = EMLINK;
        return give_up(fd);
    }
    return fd;
}

int paths_chmod_descriptor(int fd, uint32_t mode) {
    struct stat facts;
    if (fstat(fd, &facts) != 0) return -1;
    if (S_ISLNK(facts.st_mode)) { errno = ELOOP; return -1; }
    // fchmod(2) refuses a descriptor of O_PATH, and fchmodat2(2) is there since Linux 6.6 only.
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return chmod(link, mode);
}

int paths_chown_descriptor(int fd, uint32_t user, uint32_t group) {
    return fchownat(fd, "", user, group, AT_EMPTY_PATH);
}

int paths_chmod(const char *path, uint32_t mode) {
    int fd = changeable(path);
    if (fd < 0) return -1;
    int code = paths_chmod_descriptor(fd, mode);
    give_up(fd);
    return code;
}

int paths_lchown(const char *path, uint32_t user, uint32_t group) {
    int fd = changeable(path);
    if (fd < 0) return -1;
    int code = paths_chown_descriptor(fd, user, group);
    give_up(fd);
    return code;
}

int paths_open_changeable(const char *path) { return changeable(path); }
