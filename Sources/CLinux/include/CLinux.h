// SPDX-License-Identifier: Apache-2.0
// System calls and constants that Glibc's module does not bring to Swift. Only <stdint.h> is included here: with
// _GNU_SOURCE, glibc's own headers would define types a second time.
#pragma once
#include <stdint.h>

/// The kind of the file system of a descriptor, as statfs(2) numbers them; -1 with errno.
int64_t clinux_file_system(int fd);

/// openat2(2), for which glibc 2.36 has no wrapper. Returns a descriptor, or -1 with errno.
int clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/// renameat2(2) with RENAME_EXCHANGE: both names exist before and after. Returns 0, or -1 with errno.
int clinux_exchange(int olddir, const char *oldpath, int newdir, const char *newpath);

/// renameat2(2) with RENAME_NOREPLACE: fails with EEXIST instead of replacing. Returns 0, or -1 with errno.
int clinux_rename_noreplace(int olddir, const char *oldpath, int newdir, const char *newpath);

extern const uint64_t clinux_resolve_beneath;
extern const uint64_t clinux_resolve_no_symlinks;
extern const uint64_t clinux_resolve_no_magiclinks;
extern const uint64_t clinux_resolve_no_xdev;
extern const int clinux_o_path;
extern const int clinux_o_tmpfile;
extern const int clinux_o_noatime;
extern const int clinux_seek_data;
extern const int clinux_seek_hole;
/// How many processors this process may use (sched_getaffinity(2), which also honours a container's cpuset), or -1.
int clinux_processors(void);

/// Names the calling thread, as `ps -L` and a debugger show it; cut to 15 bytes by the kernel.
void clinux_name_thread(const char *name);

/// pipe2(2) with O_CLOEXEC. Returns 0, or -1 with errno.
int clinux_pipe(int ends[2]);

/// fcntl(2) F_SETPIPE_SZ. Returns the new size, or -1 with errno.
int clinux_resize_pipe(int pipe, int bytes);

/// syncfs(2): everything of the file system that the descriptor is on. Returns 0, or -1 with errno.
int clinux_syncfs(int fd);

/// fcntl(2) F_SETLEASE with F_RDLCK, given back at once: fails with EAGAIN while anybody has the file open for writing.
int clinux_probe_lease(int fd);

extern const int clinux_o_direct;

/// sync_file_range(2): starts writing the range to the device, or also waits for it. Both return 0, or -1 with errno.
/// Neither is a promise of durability: fdatasync is.
int clinux_start_writing(int file, int64_t offset, int64_t count);
int clinux_wait_written(int file, int64_t offset, int64_t count);

/// flistxattr(2), fgetxattr(2), fsetxattr(2), fremovexattr(2).
int64_t clinux_list_xattrs(int file, char *names, uint64_t room);
int64_t clinux_get_xattr(int file, const char *name, void *value, uint64_t room);
int clinux_set_xattr(int file, const char *name, const void *value, uint64_t count);
int clinux_remove_xattr(int file, const char *name);

/// listxattr(2) and getxattr(2), which follow links: for `/proc/self/fd/N` of an O_PATH descriptor.
int64_t clinux_list_path_xattrs(const char *path, char *names, uint64_t room);
int64_t clinux_get_path_xattr(const char *path, const char *name, void *value, uint64_t room);

/// ioctl(2) FS_IOC_GETFLAGS: what chattr(1) sets. Returns the flags, or -1 with errno where the file system has none.
int64_t clinux_attributes(int file);
extern const int64_t clinux_attribute_immutable;
extern const int64_t clinux_attribute_append;

// MARK: The one way to a path (Paths.c says what is special about it). All return 0 or a descriptor, or -1 with errno.

/// Also trusts what belongs to this user: the home's owner, when root works on somebody's home.
void paths_trust(uint32_t user);
/// Whether it is root, this user or the home's owner.
int paths_is_trusted(uint32_t user);

/// A folder's descriptor, of O_PATH.
int paths_folder(const char *path);
/// open(2); O_CLOEXEC always.
int paths_open(const char *path, int flags, uint32_t mode);
/// `facts` is a `struct stat`.
int paths_lstat(const char *path, void *facts);
int paths_stat(const char *path, void *facts);
/// With the rights that this process has now (AT_EACCESS).
int paths_access(const char *path, int mode);
/// `facts` is a `struct statvfs`.
int paths_statvfs(const char *path, void *facts);
int64_t paths_readlink(const char *path, char *text, uint64_t room);
int paths_unlink(const char *path);
int paths_rmdir(const char *path);
int paths_mkdir(const char *path, uint32_t mode);
/// A link with the name `path`; `target` is not looked at.
int paths_symlink(const char *target, const char *path);
int paths_rename(const char *from, const char *to);
int paths_rename_noreplace(const char *from, const char *to);
int paths_exchange(const char *one, const char *other);
int paths_link(const char *from, const char *to);
/// statx(2) STATX_MNT_ID: which mount the path is on, a link not followed; -1 with errno, -2 when the kernel does not say.
int64_t paths_mount_id(const char *path);
/// statx(2) STATX_BTIME: when the inode at the path was made, in seconds since 1970, a link not followed; -1 with errno, -2
/// where the file system does not keep it.
int64_t paths_birth(const char *path, uint32_t *nanoseconds);
/// realpath(3), into room for PATH_MAX bytes; NULL with errno.
char *paths_resolve(const char *path, char *text);

/// Of what the path itself names. EMLINK for a file with several names in a folder that others can write in: one of the
/// names may be of a file elsewhere.
int paths_chmod(const char *path, uint32_t mode);
int paths_lchown(const char *path, uint32_t user, uint32_t group);
/// The same in two steps: a descriptor of O_PATH of what may be changed, to be looked at before.
int paths_open_changeable(const char *path);
int paths_chmod_descriptor(int fd, uint32_t mode);
int paths_chown_descriptor(int fd, uint32_t user, uint32_t group);

/// The words that this program was started with, its own name included; they do not depend on /proc.
int clinux_argument_count(void);
/// The word at the index, or NULL behind the last one.
const char *clinux_argument(int index);
