// CUDA C on the host, for tests. The threads of a block run as fibers, one at a time and one block after another;
// barriers and warp instructions switch between them. The order of threads and blocks can be changed: a kernel whose
// result depends on it has a race. Shared memory holds garbage (NaN) when a block begins. Asynchronous copies land
// either at once or as late as the program allows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __global__
#define __device__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static // with red zones around it
#else
#define __shared__ static __attribute__((section("shared_memory")))
#endif

// UNCHECKED functions work on the lanes' own copies and need no sanitizer, which would make them crawl.
#define UNCHECKED __attribute__((no_sanitize("address", "undefined"), optimize("O2")))

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

namespace emu {

enum Order { forward, backward, shuffled };

// Thread is what a fiber knows about itself.
struct Thread {
    uint3 index;
    int linear;
    bool done;
    struct Copy { void *dst; const void *src; bool valid; };
    std::vector<std::vector<Copy>> copies; // groups in flight, the last one open
};

extern Thread *current;
extern uint3 block;
extern dim3 grid, block_size;
extern unsigned char *dynamic;
extern bool late_copies;

void fail(const char *what);
void sync_threads();

// Warp operations: every lane hands in up to 12 words; the last one to come runs op over all lanes.
struct Lanes {
    uint32_t in[32][12], out[32][4];
};
typedef void (*Op)(Lanes &);
uint32_t *warp_op(Op op, const uint32_t *in, int n);

void land(Thread *t, size_t keep); // completes all but the last groups

} // namespace emu

#define threadIdx (emu::current->index)
#define blockIdx (emu::block)
#define gridDim (emu::grid)
#define blockDim (emu::block_size)
#define __syncthreads() emu::sync_threads()
#define SHARED(type, name) type *name = reinterpret_cast<type *>(emu::dynamic)

template <typename T> static inline T emu_bits(uint32_t v) {
    T r;
    static_assert(sizeof(T) == 4, "one word");
    memcpy(&r, &v, 4);
    return r;
}
template <typename T> static inline uint32_t emu_word(T v) {
    uint32_t r;
    static_assert(sizeof(T) == 4, "one word");
    memcpy(&r, &v, 4);
    return r;
}
static inline float __int_as_float(int v) { return emu_bits<float>((uint32_t)v); }
static inline float __uint_as_float(unsigned v) { return emu_bits<float>(v); }
static inline int __float_as_int(float v) { return (int)emu_word(v); }
static inline unsigned __float_as_uint(float v) { return emu_word(v); }
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __ffs(unsigned v) { return __builtin_ffs((int)v); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <typename T> static inline T min(T a, T b) { return a < b ? a : b; }
template <typename T> static inline T max(T a, T b) { return a > b ? a : b; }

static inline int atomicAdd(int *p, int v) { int old = *p; *p += v; return old; }
static inline int atomicMax(int *p, int v) { int old = *p; *p = std::max(old, v); return old; }
static inline unsigned atomicMin(unsigned *p, unsigned v) { unsigned old = *p; *p = std::min(old, v); return old; }

static inline void emu_mask(unsigned mask) {
    if (mask != 0xffffffffu) emu::fail("a warp instruction with a partial mask");
}

// A shuffle moves one or two words from the lane that each lane names.
UNCHECKED static inline void emu_shuffle(emu::Lanes &l) {
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 2; j++) l.out[i][j] = l.in[l.in[i][2] & 31][j];
}
template <typename T> static inline T emu_from(unsigned mask, T v, int lane) {
    emu_mask(mask);
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a word or two");
    uint32_t in[3] = {0, 0, (uint32_t)lane};
    memcpy(in, &v, sizeof v);
    uint32_t *out = emu::warp_op(emu_shuffle, in, 3);
    memcpy(&v, out, sizeof v);
    return v;
}
template <typename T> static inline T __shfl_sync(unsigned mask, T v, int lane) { return emu_from(mask, v, lane); }
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T v, int bit) {
    return emu_from(mask, v, (emu::current->linear & 31) ^ bit);
}
template <typename T> static inline T __shfl_up_sync(unsigned mask, T v, int by) {
    int lane = emu::current->linear & 31;
    return emu_from(mask, v, lane >= by ? lane - by : lane);
}

static inline void emu_none(emu::Lanes &) {}
static inline void emu_ballot(emu::Lanes &l) {
    uint32_t r = 0;
    for (int i = 0; i < 32; i++) r |= (l.in[i][0] != 0 ? 1u : 0u) << i;
    for (int i = 0; i < 32; i++) l.out[i][0] = r;
}
static inline void emu_match(emu::Lanes &l) {
    for (int i = 0; i < 32; i++) {
        l.out[i][0] = 0;
        for (int j = 0; j < 32; j++) l.out[i][0] |= (l.in[i][0] == l.in[j][0] ? 1u : 0u) << j;
    }
}
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    emu_mask(mask);
    emu::warp_op(emu_none, nullptr, 0);
}
static inline unsigned __ballot_sync(unsigned mask, int v) {
    emu_mask(mask);
    uint32_t in = v != 0;
    return emu::warp_op(emu_ballot, &in, 1)[0];
}
static inline unsigned __match_any_sync(unsigned mask, int v) {
    emu_mask(mask);
    uint32_t in = (uint32_t)v;
    return emu::warp_op(emu_match, &in, 1)[0];
}

// ---- what device.h writes in assembly ----

typedef unsigned short emu_bf16;
static inline uint32_t emu_round(float x) {
    uint32_t u = emu_word(x);
    if (x != x) return 0x7fff;
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}
static inline float emu_wide(uint32_t half) { return emu_bits<float>(half << 16); }
static inline unsigned pack_bf16(float lo, float hi) { return emu_round(lo) | emu_round(hi) << 16; }
static inline float fast_exp2(float x) { return exp2f(x); }

static inline const emu_bf16 *emu_pointer(const uint32_t *words) {
    const emu_bf16 *p;
    memcpy(&p, words, sizeof p);
    return p;
}
template <bool transposed> static inline void emu_load(emu::Lanes &l) {
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 4; j++)
            if (transposed) {
                const emu_bf16 *a = emu_pointer(l.in[8 * j + 2 * (i % 4)]), *b = emu_pointer(l.in[8 * j + 2 * (i % 4) + 1]);
                l.out[i][j] = a[i / 4] | (uint32_t)b[i / 4] << 16;
            } else {
                const emu_bf16 *a = emu_pointer(l.in[8 * j + i / 4]);
                l.out[i][j] = a[2 * (i % 4)] | (uint32_t)a[2 * (i % 4) + 1] << 16;
            }
}
template <bool transposed> static inline void emu_matrices(unsigned r[4], const emu_bf16 *p) {
    if ((uintptr_t)p % 16) emu::fail("ldmatrix of a row that is not aligned to 16 bytes");
    memcpy(r, emu::warp_op(emu_load<transposed>, (const uint32_t *)&p, 2), 16);
}
static inline void load_matrices(unsigned r[4], const emu_bf16 *p) { emu_matrices<false>(r, p); }
static inline void load_transposed(unsigned r[4], const emu_bf16 *p) { emu_matrices<true>(r, p); }

UNCHECKED static inline void emu_mma(emu::Lanes &l) {
    float a[16][16], b[8][16];
    for (int i = 0; i < 32; i++) {
        int row = i / 4, col = 2 * (i % 4);
        for (int j = 0; j < 4; j++)
            for (int h = 0; h < 2; h++) a[row + 8 * (j & 1)][col + 8 * (j >> 1) + h] = emu_wide(l.in[i][j] >> (16 * h) & 0xffff);
        for (int j = 0; j < 2; j++)
            for (int h = 0; h < 2; h++) b[row][col + 8 * j + h] = emu_wide(l.in[i][4 + j] >> (16 * h) & 0xffff);
    }
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 4; j++) {
            int row = i / 4 + 8 * (j >> 1), col = 2 * (i % 4) + (j & 1);
            float sum = 0;
            for (int k = 0; k < 16; k++) sum += a[row][k] * b[col][k];
            l.out[i][j] = emu_word(emu_bits<float>(l.in[i][6 + j]) + sum);
        }
}
static inline void multiply_add(float c[4], const unsigned a[4], unsigned b0, unsigned b1) {
    uint32_t in[10] = {a[0], a[1], a[2], a[3], b0, b1};
    memcpy(in + 6, c, 16);
    memcpy(c, emu::warp_op(emu_mma, in, 10), 16);
}

static inline void copy_async(emu_bf16 *dst, const emu_bf16 *src, bool valid) {
    if ((uintptr_t)dst % 16 || (uintptr_t)src % 16) emu::fail("cp.async of what is not aligned to 16 bytes");
    auto &c = emu::current->copies;
    if (c.empty()) c.emplace_back();
    c.back().push_back({dst, src, valid});
    if (!emu::late_copies) {
        if (valid) memcpy(dst, src, 16);
        else memset(dst, 0, 16);
        c.back().pop_back();
    }
}
static inline void commit_copies() {
    auto &c = emu::current->copies;
    if (c.empty()) c.emplace_back();
    c.emplace_back();
}
template <int N> static inline void wait_copies() { emu::land(emu::current, N + 1); }
