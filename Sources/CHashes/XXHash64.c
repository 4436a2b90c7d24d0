// SPDX-License-Identifier: Apache-2.0
// XXH64 for whole messages, from its specification.
#include "CHashes.h"

#include <string.h>

static const uint64_t P1 = 0x9e3779b185ebca87, P2 = 0xc2b2ae3d27d4eb4f, P3 = 0x165667b19e3779f9,
                      P4 = 0x85ebca77c2b2ae63, P5 = 0x27d4eb2f165667c5;

static uint64_t rotate(uint64_t value, int count) { return value << count | value >> (64 - count); }

static uint64_t load(const uint8_t *bytes, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * P2, 31) * P1; }

static uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ mix(0, lane)) * P1 + P4; }

uint64_t hashes_xxh64(const uint8_t *bytes, uint64_t count) {
    uint64_t left = count, hash;
    if (left >= 32) {
        uint64_t lanes[4] = {P1 + P2, P2, 0, 0 - P1};
        for (; left >= 32; left -= 32, bytes += 32)
            for (int i = 0; i < 4; i++) lanes[i] = mix(lanes[i], load(bytes + 8 * i, 8));
        hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
        for (int i = 0; i < 4; i++) hash = merge(hash, lanes[i]);
    } else {
        hash = P5;
    }
    hash += count;
    for (; left >= 8; left -= 8, bytes += 8) hash = rotate(hash ^ mix(0, load(bytes, 8)), 27) * P1 + P4;
    if (left >= 4) {
        hash = rotate(hash ^ load(bytes, 4) * P1, 23) * P2 + P3;
        left -= 4;
        bytes += 4;
    }
    for (; left > 0; left--, bytes++) hash = rotate(hash ^ *bytes * P5, 11) * P1;
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}
