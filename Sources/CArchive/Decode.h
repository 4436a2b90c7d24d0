// SPDX-License-Identifier: Apache-2.0
// What the child does; called nowhere else.
#pragma once
#include <archive.h>
#include <stddef.h>
#include <sys/types.h>
#include "CArchive.h"

/// Descriptors of the child.
enum { input_file = 0, output_pipe = 1 };

_Noreturn void decode(int container, struct carchive_report *report);
_Noreturn void fail(int outcome, const char *why, const char *entry);
_Noreturn void fail_as(struct archive *archive, const char *entry);
void write_all(const void *bytes, size_t count);

/// The decompressed bytes of the file, piece by piece.
struct stream;
struct stream *stream_open(int takes_gzip);
/// Returns how many bytes there are, 0 after the last, when everything has been checked.
size_t stream_next(struct stream *stream, const void **bytes);

void decode_containers(int container);
