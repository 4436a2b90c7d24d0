// SPDX-License-Identifier: Apache-2.0
// System calls and constants that Glibc's module map does not bring to Swift.
#define _GNU_SOURCE 1
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

int64_t clinux_file_system(int fd) {
    struct statfs facts;
    return fstatfs(fd, &facts) == 0 ? (int64_t)facts.f_type : -1;
}

int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

int clinux_exchange(int olddir, const char *oldpath, int newdir, const char *newpath) {
    return (int)syscall(SYS_renameat2, olddir, oldpath, newdir, newpath, 2u /* RENAME_EXCHANGE */);
}

int clinux_rename_noreplace(int olddir, const char *oldpath, int newdir, const char *newpath) {
    return (int)syscall(SYS_renameat2, olddir, oldpath, newdir, newpath, 1u /* RENAME_NOREPLACE */);
}

const uint64_t clinux_resolve_beneath = RESOLVE_BENEATH;
const uint64_t clinux_resolve_no_symlinks = RESOLVE_NO_SYMLINKS;
const uint64_t clinux_resolve_no_magiclinks = RESOLVE_NO_MAGICLINKS;
const uint64_t clinux_resolve_no_xdev = RESOLVE_NO_XDEV;
const int clinux_o_path = O_PATH;
const int clinux_o_tmpfile = O_TMPFILE;
const int clinux_o_noatime = O_NOATIME;
const int clinux_seek_data = SEEK_DATA;
const int clinux_seek_hole = SEEK_HOLE;

int clinux_processors(void) {
    unsigned long mask[16] = {0};  // 1024 processors
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (bytes < 0) return -1;
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
    return count;
}

void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_resize_pipe(int pipe, int bytes) { return fcntl(pipe, F_SETPIPE_SZ, bytes); }

int clinux_syncfs(int fd) { return syncfs(fd); }

int clinux_probe_lease(int fd) {
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return -1;
    return fcntl(fd, F_SETLEASE, F_UNLCK);
}

const int clinux_o_direct = O_DIRECT;

int clinux_start_writing(int file, int64_t offset, int64_t count) {
    return sync_file_range(file, offset, count, SYNC_FILE_RANGE_WRITE);
}

int clinux_wait_written(int file, int64_t offset, int64_t count) {
    return sync_file_range(file, offset, count,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

int64_t clinux_list_xattrs(int file, char *names, uint64_t room) { return flistxattr(file, names, room); }

int64_t clinux_get_xattr(int file, const char *name, void *value, uint64_t room) {
    return fgetxattr(file, name, value, room);
}

int clinux_set_xattr(int file, const char *name, const void *value, uint64_t count) {
    return fsetxattr(file, name, value, count, 0);
}

int clinux_remove_xattr(int file, const char *name) { return fremovexattr(file, name); }

int64_t clinux_list_path_xattrs(const char *path, char *names, uint64_t room) {
    return listxattr(path, names, room);
}

int64_t clinux_get_path_xattr(const char *path, const char *name, void *value, uint64_t room) {
    return getxattr(path, name, value, room);
}

int64_t clinux_attributes(int file) {
    int flags = 0;
    return ioctl(file, FS_IOC_GETFLAGS, &flags) == 0 ? flags : -1;
}

const int64_t clinux_attribute_immutable = FS_IMMUTABLE_FL;
const int64_t clinux_attribute_append = FS_APPEND_FL;

// glibc calls constructors with what main() gets: the arguments arrive although /proc, from which Swift's
// CommandLine reads them on Linux, is not mounted.
static int program_argc;
static char **program_argv;
__attribute__((constructor)) static void keep_arguments(int argc, char **argv, char **environment) {
    (void)environment;
    program_argc = argc;
    program_argv = argv;
}
int clinux_argument_count(void) { return program_argc; }
const char *clinux_argument(int index) { return index < program_argc ? program_argv[index] : 0; }
