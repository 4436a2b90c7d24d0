// SPDX-License-Identifier: Apache-2.0
// Decodes archives of other programs, with libarchive, in a child process of its own: what comes out is a plain tar. The
// child has two descriptors, can open and write no file, and gets no more memory than it is told.
#pragma once
#include <stdint.h>

enum carchive_container {
    /// A stream that is compressed with bzip2, xz, zstd or lz4: its bytes come out as they are.
    carchive_compressed = 0,
    /// cpio, also compressed as above or with gzip.
    carchive_cpio = 1,
    carchive_zip = 2,
    carchive_7zip = 3,
};

enum carchive_outcome {
    carchive_whole = 0,
    carchive_damaged = 1,
    carchive_unsupported = 2,
    carchive_encrypted = 3,
    carchive_memory = 4,
    /// The child never came to an end of its own: nothing else was said.
    carchive_unknown = 5,
};

/// What the child says at its end, in memory that both share.
struct carchive_report {
    int32_t outcome;
    char why[256];
    /// The entry's name, cut off where it is longer; empty when it is about none.
    char entry[512];
};

struct carchive_child {
    int32_t pid;
    /// The end of a pipe; to be closed by carchive_stop.
    int32_t output;
    struct carchive_report *report;
};

/// Starts a child. The thread that calls must live until the child has been stopped: the child dies with it.
///
/// - file: Open for reading, at its start; only the child moves in it.
/// - memory: Bytes that the child may take.
/// Returns 0, or -1 with errno.
int carchive_start(int file, int container, uint64_t memory, struct carchive_child *child);

/// Waits until output can be read, at most so many milliseconds. Returns 1, 0, or -1 with errno.
int carchive_await(const struct carchive_child *child, int milliseconds);

/// Waits for the child's end. Returns the signal that ended it, or 0.
int carchive_wait(struct carchive_child *child);

/// Ends the child, wherever it is, and frees what belongs to it. May be called again.
void carchive_stop(struct carchive_child *child);

const char *carchive_version(void);
/// Which libraries it was built with, and their versions.
const char *carchive_details(void);
