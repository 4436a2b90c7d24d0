// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "Decode.h"

enum { piece_size = 256 << 10 };

struct stream {
    struct archive *archive;
    /// Of gzip, whose checksum libarchive passes over.
    z_stream inflater;
    int is_gzip, is_in_member, has_begun;
    unsigned char *input, *output;
};

static ssize_t read_file(void *bytes, size_t count) {
    ssize_t done;
    do done = read(input_file, bytes, count);
    while (done < 0 && errno == EINTR);
    if (done < 0) fail(carchive_unknown, strerror(errno), NULL);
    return done;
}

static void *memory(size_t count) {
    void *made = malloc(count);
    if (made == NULL) fail(carchive_memory, "there is no memory", NULL);
    return made;
}

struct stream *stream_open(int takes_gzip) {
    struct stream *stream = memory(sizeof *stream);
    memset(stream, 0, sizeof *stream);
    unsigned char magic[2] = {0, 0};
    if (pread(input_file, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b && takes_gzip) {
        stream->is_gzip = 1;
        stream->input = memory(piece_size);
        stream->output = memory(piece_size);
        if (inflateInit2(&stream->inflater, 15 + 16) != Z_OK) fail(carchive_memory, "there is no memory", NULL);
        return stream;
    }
    stream->archive = archive_read_new();
    if (stream->archive == NULL) fail(carchive_memory, "there is no memory", NULL);
    archive_read_support_filter_bzip2(stream->archive);
    archive_read_support_filter_xz(stream->archive);
    archive_read_support_filter_zstd(stream->archive);
    archive_read_support_filter_lz4(stream->archive);
    archive_read_support_format_raw(stream->archive);
    struct archive_entry *entry;
    if (archive_read_open_fd(stream->archive, input_file, piece_size) != ARCHIVE_OK
        || archive_read_next_header(stream->archive, &entry) != ARCHIVE_OK) {
        fail_as(stream->archive, NULL);
    }
    return stream;
}

static size_t next_inflated(struct stream *stream, const void **bytes) {
    z_stream *inflater = &stream->inflater;
    inflater->next_out = stream->output;
    inflater->avail_out = piece_size;
    while (inflater->avail_out > 0) {
        if (inflater->avail_in == 0) {
            inflater->next_in = stream->input;
            inflater->avail_in = (uInt)read_file(stream->input, piece_size);
            if (inflater->avail_in == 0) {
                if (stream->is_in_member) fail(carchive_damaged, "its compressed data end too early", NULL);
                break;
            }
        }
        stream->is_in_member = 1;
        int code = inflate(inflater, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR) fail(carchive_memory, "there is no memory", NULL);
        if (code == Z_STREAM_END) {
            stream->is_in_member = 0;
            inflateReset(inflater);
        } else if (code != Z_OK) {
            fail(carchive_damaged, "its compressed data are damaged", NULL);
        }
    }
    *bytes = stream->output;
    return piece_size - inflater->avail_out;
}

size_t stream_next(struct stream *stream, const void **bytes) {
    if (stream->is_gzip) return next_inflated(stream, bytes);
    size_t count = 0;
    la_int64_t offset;
    while (count == 0) {
        int code = archive_read_data_block(stream->archive, bytes, &count, &offset);
        if (code == ARCHIVE_EOF) {
            struct stat status;
            // A filter ends where its stream does and does not say what follows.
            if (fstat(input_file, &status) != 0
                || archive_filter_bytes(stream->archive, -1) != status.st_size) {
                fail(carchive_damaged, "something follows its compressed data", NULL);
            }
            return 0;
        }
        if (code != ARCHIVE_OK) fail_as(stream->archive, NULL);
    }
    return count;
}
