// SPDX-License-Identifier: Apache-2.0
// The two checksums of an object store's files. In C, because they go over every byte, also in a build for debugging.
#pragma once
#include <stdint.h>

/// HighwayHash with 256 bits (github.com/google/highwayhash), frozen since 2018. `key` and `hash` are 32 bytes.
void hashes_highway256(const uint8_t *key, const uint8_t *bytes, uint64_t count, uint8_t *hash);

/// XXH64 with the seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
uint64_t hashes_xxh64(const uint8_t *bytes, uint64_t count);
