// SPDX-License-Identifier: Apache-2.0
// HighwayHash (Alakuijala, Cox, Wassenberg: “Fast keyed hash/pseudo-random function using SIMD multiply and permute”),
// for whole messages: four lanes of 64 bits are multiplied and their bytes mixed, 32 bytes of input at a time.
#include "CHashes.h"

#include <string.h>

enum { LANES = 4, PACKET = 32 };

struct state {
    uint64_t v0[LANES], v1[LANES], mul0[LANES], mul1[LANES];
};

static const uint64_t INIT0[LANES] = {
    0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344, 0x243f6a8885a308d3,
};
static const uint64_t INIT1[LANES] = {
    0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c, 0x452821e638d01377,
};

static uint64_t load(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static void store(uint8_t *bytes, uint64_t value) {
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t swap_halves(uint64_t value) { return value >> 32 | value << 32; }

/// Byte `from` of a lane, moved to where byte `to` is.
static uint64_t moved(uint64_t lane, int from, int to) {
    uint64_t byte = lane & 0xffull << 8 * from;
    return from > to ? byte >> 8 * (from - to) : byte << 8 * (to - from);
}

/// Adds to a pair of lanes the bytes of another pair in the order of the paper: 3 12 2 5 14 1 15 0 and 11 4 10 13 9 6 8 7.
static void zipper(const uint64_t *from, uint64_t *to) {
    uint64_t low = from[0], high = from[1];
    to[0] += moved(low, 3, 0) | moved(high, 4, 1) | moved(low, 2, 2) | moved(low, 5, 3) | moved(high, 6, 4)
        | moved(low, 1, 5) | moved(high, 7, 6) | moved(low, 0, 7);
    to[1] += moved(high, 3, 0) | moved(low, 4, 1) | moved(high, 2, 2) | moved(high, 5, 3) | moved(high, 1, 4)
        | moved(low, 6, 5) | moved(high, 0, 6) | moved(low, 7, 7);
}

static void update(struct state *state, const uint64_t *packet) {
    for (int i = 0; i < LANES; i++) {
        state->v1[i] += state->mul0[i] + packet[i];
        state->mul0[i] ^= (state->v1[i] & 0xffffffff) * (state->v0[i] >> 32);
        state->v0[i] += state->mul1[i];
        state->mul1[i] ^= (state->v0[i] & 0xffffffff) * (state->v1[i] >> 32);
    }
    zipper(state->v1, state->v0);
    zipper(state->v1 + 2, state->v0 + 2);
    zipper(state->v0, state->v1);
    zipper(state->v0 + 2, state->v1 + 2);
}

static void update_bytes(struct state *state, const uint8_t *bytes) {
    uint64_t packet[LANES];
    for (int i = 0; i < LANES; i++) packet[i] = load(bytes + 8 * i);
    update(state, packet);
}

/// The last 1 to 31 bytes.
static void update_rest(struct state *state, const uint8_t *bytes, unsigned count) {
    uint8_t packet[PACKET] = {0};
    const uint8_t *rest = bytes + (count & ~3u);
    unsigned few = count & 3;
    for (int i = 0; i < LANES; i++) {
        state->v0[i] += ((uint64_t)count << 32) + count;
        uint32_t low = (uint32_t)state->v1[i], high = (uint32_t)(state->v1[i] >> 32);
        low = low << count | low >> (32 - count);
        high = high << count | high >> (32 - count);
        state->v1[i] = (uint64_t)high << 32 | low;
    }
    memcpy(packet, bytes, count & ~3u);
    if (count & 16) {
        memcpy(packet + 28, rest + few - 4, 4);
    } else if (few) {
        packet[16] = rest[0];
        packet[17] = rest[few >> 1];
        packet[18] = rest[few - 1];
    }
    update_bytes(state, packet);
}

/// 256 bits modulo x^128 + x^2 + x.
static void reduce(uint8_t *hash, uint64_t a3, uint64_t a2, uint64_t a1, uint64_t a0) {
    a3 &= 0x3fffffffffffffff;
    store(hash, a0 ^ a2 << 1 ^ a2 << 2);
    store(hash + 8, a1 ^ (a3 << 1 | a2 >> 63) ^ (a3 << 2 | a2 >> 62));
}

void hashes_highway256(const uint8_t *key, const uint8_t *bytes, uint64_t count, uint8_t *hash) {
    struct state state;
    for (int i = 0; i < LANES; i++) {
        uint64_t lane = load(key + 8 * i);
        state.mul0[i] = INIT0[i];
        state.mul1[i] = INIT1[i];
        state.v0[i] = INIT0[i] ^ lane;
        state.v1[i] = INIT1[i] ^ swap_halves(lane);
    }
    uint64_t done = 0;
    for (; count - done >= PACKET; done += PACKET) update_bytes(&state, bytes + done);
    if (count > done) update_rest(&state, bytes + done, (unsigned)(count - done));
    for (int i = 0; i < 10; i++) {
        uint64_t permuted[LANES] = {
            swap_halves(state.v0[2]), swap_halves(state.v0[3]), swap_halves(state.v0[0]), swap_halves(state.v0[1]),
        };
        update(&state, permuted);
    }
    reduce(hash, state.v1[1] + state.mul1[1], state.v1[0] + state.mul1[0], state.v0[1] + state.mul0[1],
           state.v0[0] + state.mul0[0]);
    reduce(hash + 16, state.v1[3] + state.mul1[3], state.v1[2] + state.mul1[2], state.v0[3] + state.mul0[3],
           state.v0[2] + state.mul0[2]);
}
