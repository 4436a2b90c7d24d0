// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Decode.h"

#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static struct carchive_report *told;

void fail(int outcome, const char *why, const char *entry) {
    snprintf(told->why, sizeof told->why, "%s", why == NULL ? "it cannot be decoded" : why);
    snprintf(told->entry, sizeof told->entry, "%s", entry == NULL ? "" : entry);
    told->outcome = outcome;
    _exit(1);
}

static int holds(const char *text, const char *word) { return strcasestr(text, word) != NULL; }

/// libarchive tells most of what is wrong in words only.
void fail_as(struct archive *archive, const char *entry) {
    const char *why = archive_error_string(archive);
    if (why == NULL) why = "it cannot be decoded";
    int outcome = carchive_damaged;
    if (archive_errno(archive) == ENOMEM || holds(why, "memory") || holds(why, "allocat")) {
        outcome = carchive_memory;
    } else if (holds(why, "encrypt") || holds(why, "passphrase")) {
        outcome = carchive_encrypted;
    } else if (holds(why, "unsupported") || holds(why, "not supported") || holds(why, "codec") || holds(why, "cannot be converted")
        || holds(why, "can't be converted")) {
        outcome = carchive_unsupported;
    }
    fail(outcome, why, entry);
}

void write_all(const void *bytes, size_t count) {
    const char *rest = bytes;
    while (count > 0) {
        ssize_t done = write(output_pipe, rest, count);
        if (done < 0 && errno == EINTR) continue;
        // Nobody listens any more.
        if (done < 0) _exit(2);
        rest += done;
        count -= (size_t)done;
    }
}

void decode(int container, struct carchive_report *report) {
    told = report;
    if (container == carchive_compressed) {
        struct stream *stream = stream_open(0);
        const void *bytes;
        size_t count;
        while ((count = stream_next(stream, &bytes)) > 0) write_all(bytes, count);
    } else {
        decode_containers(container);
    }
    report->outcome = carchive_whole;
    _exit(0);
}
