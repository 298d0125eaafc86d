// What the kernels of generation share: rows of a paged cache, and numbers that are float or bf16 in memory.
#pragma once

#include "device.h"

__device__ inline float element(const float *p) { return *p; }
__device__ inline float element(const bf16 *p) { return bf16_to_float(*p); }

__device__ inline float4 four(const float *p) { return *reinterpret_cast<const float4 *>(p); }
__device__ inline float4 four(const bf16 *p) {
    uint2 x = *reinterpret_cast<const uint2 *>(p);
    return make_float4(__uint_as_float(x.x << 16), __uint_as_float(x.x & 0xffff0000u), __uint_as_float(x.y << 16), __uint_as_float(x.y & 0xffff0000u));
}

// four loads elements c to c+3 of n, zeros from n on; whole says that n and all addresses are multiples of 4 elements.
template <typename T> __device__ inline float4 four(const T *p, int c, int n, bool whole) {
    if (whole && c < n)
        return four(p + c);
    return make_float4(c < n ? element(p + c) : 0, c + 1 < n ? element(p + c + 1) : 0, c + 2 < n ? element(p + c + 2) : 0, c + 3 < n ? element(p + c + 3) : 0);
}

// Pages is one layer's cache of one sequence.
template <typename T> struct Pages {
    const long long *table; // addresses of the pages
    int page, width;        // rows of a page, elements of a row
    long long offset;       // of the layer in a page, in elements
};

// cache_row is the row of position t.
template <typename T> __device__ inline T *cache_row(const Pages<T> &p, int t) {
    return reinterpret_cast<T *>(p.table[t / p.page]) + p.offset + (long long)(t % p.page) * p.width;
}
