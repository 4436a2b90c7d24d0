// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <errno.h>

struct archive_entry;

void __archive_write_entry_filetype_unsupported(
    struct archive *archive, struct archive_entry *entry, const char *format);

// The writer of pax calls it for an entry that no tar can hold. libarchive's own stands in an object that refers to every
// writer there is, and so to libxml2; as it is there already, the linker leaves that object out. Should another version
// need more of that object, the program does not link.
void __archive_write_entry_filetype_unsupported(
    struct archive *archive, struct archive_entry *entry, const char *format
) {
    (void)entry;
    archive_set_error(archive, EINVAL, "it is a socket or the like, which is not supported in %s", format);
}
