// SPDX-License-Identifier: Apache-2.0
// zip, 7z and cpio, entry by entry, as a pax archive for our own reader.
#define _GNU_SOURCE
#include <archive_entry.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "Decode.h"

static struct archive *in, *out;

static la_ssize_t write_piece(struct archive *archive, void *unused, const void *bytes, size_t count) {
    (void)archive, (void)unused;
    write_all(bytes, count);
    return (la_ssize_t)count;
}

static const char *name(struct archive_entry *entry) { return archive_entry_pathname(entry); }

static void emit(struct archive_entry *entry) {
    if (archive_write_header(out, entry) != ARCHIVE_OK) fail_as(out, name(entry));
}

/// A file with its content, which must be as long as was said; what has a checksum is compared with it on the way.
static void emit_file(struct archive_entry *entry) {
    static char room[128 << 10];
    if (!archive_entry_size_is_set(entry)) fail(carchive_unsupported, "its size is not told", name(entry));
    la_int64_t rest = archive_entry_size(entry);
    emit(entry);
    for (;;) {
        la_ssize_t count = archive_read_data(in, room, sizeof room);
        if (count < 0) fail_as(in, name(entry));
        if (count == 0) break;
        if (count > rest) fail(carchive_damaged, "it is longer than its header says", name(entry));
        rest -= count;
        if (archive_write_data(out, room, (size_t)count) != count) fail_as(out, name(entry));
    }
    if (rest != 0) fail(carchive_damaged, "it is shorter than its header says", name(entry));
}

// MARK: Hard links of cpio

/// The names of one file. cpio keeps its content with the last of them as a rule; in a tar the first has it.
struct linked {
    char *key;
    /// The name that has been written with the content.
    char *written;
    struct archive_entry **waiting;
    size_t count, room;
};

static void *all_linked;

static void *checked(void *made) {
    if (made == NULL) fail(carchive_memory, "there is no memory for its hard links", NULL);
    return made;
}

static int by_key(const void *left, const void *right) {
    return strcmp(((const struct linked *)left)->key, ((const struct linked *)right)->key);
}

static struct linked *linked_as(const char *key) {
    struct linked wanted = {.key = (char *)key};
    struct linked **found = tfind(&wanted, &all_linked, by_key);
    if (found != NULL) return *found;
    struct linked *made = checked(calloc(1, sizeof *made));
    made->key = checked(strdup(key));
    checked(tsearch(made, &all_linked, by_key));
    return made;
}

static void emit_link(struct archive_entry *entry, const char *target) {
    archive_entry_set_hardlink(entry, target);
    archive_entry_set_size(entry, 0);
    emit(entry);
}

static void wait_for_content(struct linked *file, struct archive_entry *entry) {
    if (file->count == file->room) {
        file->room = file->room == 0 ? 4 : file->room * 2;
        file->waiting = checked(reallocarray(file->waiting, file->room, sizeof *file->waiting));
    }
    file->waiting[file->count++] = checked(archive_entry_clone(entry));
}

static void emit_waiting(struct linked *file) {
    for (size_t index = 0; index < file->count; index++) {
        emit_link(file->waiting[index], file->written);
        archive_entry_free(file->waiting[index]);
    }
    file->count = 0;
}

static void emit_linked(struct archive_entry *entry) {
    const char *target = archive_entry_hardlink(entry);
    struct linked *file = linked_as(target == NULL ? name(entry) : target);
    if (file->written != NULL) {
        if (target == NULL) return emit_file(entry);
        // The older kinds repeat the content with each name.
        return emit_link(entry, file->written);
    }
    if (archive_entry_size(entry) == 0) return wait_for_content(file, entry);
    file->written = checked(strdup(name(entry)));
    archive_entry_set_hardlink(entry, NULL);
    emit_file(entry);
    emit_waiting(file);
}

/// Names that waited for a content that never came: the file is empty.
static void emit_empty(const void *node, VISIT visit, int depth) {
    (void)depth;
    if (visit != postorder && visit != leaf) return;
    struct linked *file = *(struct linked *const *)node;
    if (file->count == 0) return;
    struct archive_entry *first = file->waiting[0];
    file->written = checked(strdup(name(first)));
    archive_entry_set_hardlink(first, NULL);
    archive_entry_set_size(first, 0);
    emit(first);
    file->waiting++;
    file->count--;
    emit_waiting(file);
}

// MARK: Ends

/// The record at a zip's end must be its end: what follows would be nothing that anybody looks at.
static void check_end_of_zip(la_int64_t size) {
    static unsigned char tail[22 + 65535];
    size_t count = size < (la_int64_t)sizeof tail ? (size_t)size : sizeof tail;
    size_t done = 0;
    while (done < count) {
        ssize_t part = pread(input_file, tail + done, count - done, size - (la_int64_t)(count - done));
        if (part <= 0) fail(carchive_damaged, "its end cannot be read", NULL);
        done += (size_t)part;
    }
    for (size_t from = count < 22 ? 0 : count - 22 + 1; from-- > 0;) {
        if (memcmp(tail + from, "PK\5\6", 4) != 0) continue;
        if (from + 22 + (size_t)(tail[from + 20] | tail[from + 21] << 8) == count) return;
    }
    fail(carchive_damaged, "its end is cut off, or something follows it", NULL);
}

static void check_end_of_7zip(la_int64_t size) {
    unsigned char head[32];
    if (pread(input_file, head, sizeof head, 0) != sizeof head) fail(carchive_damaged, "it is cut off", NULL);
    uint64_t end = sizeof head;
    for (int field = 12; field <= 20; field += 8) {
        uint64_t value = 0;
        for (int index = 7; index >= 0; index--) value = value << 8 | head[field + index];
        if (__builtin_add_overflow(end, value, &end)) fail(carchive_damaged, "its header is damaged", NULL);
    }
    if (end != (uint64_t)size) fail(carchive_damaged, "its end is cut off, or something follows it", NULL);
}

// MARK: cpio's bytes

static struct stream *bytes_of_cpio;
static const unsigned char *last_piece;
static la_int64_t delivered;
static size_t last_count;

static la_ssize_t read_piece(struct archive *archive, void *unused, const void **bytes) {
    (void)archive, (void)unused;
    last_count = stream_next(bytes_of_cpio, bytes);
    last_piece = *bytes;
    delivered += (la_int64_t)last_count;
    return (la_ssize_t)last_count;
}

/// After the trailer there is nothing but padding.
static void check_end_of_cpio(void) {
    size_t rest = (size_t)(delivered - archive_filter_bytes(in, -1));
    if (rest > last_count) fail(carchive_damaged, "its end cannot be found", NULL);
    const unsigned char *bytes = last_piece + (last_count - rest);
    for (;;) {
        for (size_t index = 0; index < rest; index++) {
            if (bytes[index] != 0) fail(carchive_damaged, "something follows its end mark", NULL);
        }
        const void *next;
        rest = stream_next(bytes_of_cpio, &next);
        if (rest == 0) return;
        bytes = next;
    }
}

void decode_containers(int container) {
    struct stat status;
    if (fstat(input_file, &status) != 0) fail(carchive_unknown, "it cannot be looked at", NULL);
    in = archive_read_new();
    out = archive_write_new();
    if (in == NULL || out == NULL) fail(carchive_memory, "there is no memory", NULL);
    int code;
    if (container == carchive_cpio) {
        archive_read_support_format_cpio(in);
        bytes_of_cpio = stream_open(1);
        code = archive_read_open(in, NULL, NULL, read_piece, NULL);
    } else {
        if (container == carchive_zip) {
            check_end_of_zip(status.st_size);
            archive_read_support_format_zip_seekable(in);
        } else {
            check_end_of_7zip(status.st_size);
            archive_read_support_format_7zip(in);
        }
        code = archive_read_open_fd(in, input_file, 64 << 10);
    }
    if (code != ARCHIVE_OK) fail_as(in, NULL);
    archive_write_set_format_pax(out);
    // Names are bytes, whatever they mean; attributes are written once.
    if (archive_write_set_options(out, "hdrcharset=BINARY,xattrheader=SCHILY") != ARCHIVE_OK
        || archive_write_open(out, NULL, NULL, write_piece, NULL) != ARCHIVE_OK) {
        fail_as(out, NULL);
    }
    struct archive_entry *entry;
    while ((code = archive_read_next_header(in, &entry)) != ARCHIVE_EOF) {
        if (archive_read_has_encrypted_entries(in) == 1
            || (code == ARCHIVE_OK && archive_entry_is_encrypted(entry))) {
            fail(carchive_encrypted, "it is encrypted", NULL);
        }
        if (code != ARCHIVE_OK) fail_as(in, NULL);
        if (name(entry) == NULL) fail(carchive_unsupported, "a name in it is no text", NULL);
        if (container != carchive_cpio && archive_entry_uid(entry) == 0 && archive_entry_gid(entry) == 0) {
            // Not told: it becomes whose who unpacks it.
            archive_entry_set_uid(entry, geteuid());
            archive_entry_set_gid(entry, getegid());
        }
        int is_file = archive_entry_filetype(entry) == AE_IFREG;
        if (container == carchive_cpio && is_file && archive_entry_nlink(entry) > 1) {
            emit_linked(entry);
        } else if (is_file && archive_entry_hardlink(entry) == NULL) {
            emit_file(entry);
        } else {
            archive_entry_set_size(entry, 0);
            emit(entry);
        }
    }
    if (container == carchive_cpio) {
        twalk(all_linked, emit_empty);
        check_end_of_cpio();
    }
    if (archive_write_close(out) != ARCHIVE_OK) fail_as(out, NULL);
}
