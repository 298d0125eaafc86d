// What the attention kernels share: rotary embedding and the way gradients go back to the columns of their heads.
#pragma once

#include "device.h"

// Turn is a rotary embedding of rope columns; cos and sin are seq x rope/2. Pairs are neighbours, or an element of the
// first half with one of the second where half is set.
struct Turn {
    const float *cos, *sin;
    int rope, half;
};

// turned returns column j of x after a turn by position t, backwards where sign is -1 (the transpose, which is the
// gradient's way back: cosines and sines may carry a factor).
__device__ inline float turned(Turn r, const float *x, int j, int t, float sign) {
    int pairs = r.rope / 2, i = r.half ? j % pairs : j / 2;
    int p = r.half ? i : 2 * i, q = r.half ? pairs + i : 2 * i + 1;
    float c = r.cos[(long long)t * pairs + i], s = sign * r.sin[(long long)t * pairs + i];
    return j == p ? c * x[p] - s * x[q] : s * x[p] + c * x[q];
}

// Columns names a head's columns of a gradient: row t begins at p + t*ld.
struct Columns {
    float *p;
    int ld;
};

// store_columns overwrites rows [t0, t0+rows) of width columns with those of stage, whose rows lie pitch apart.
__device__ inline void store_columns(Columns c, const float *stage, int pitch, int t0, int rows, int width) {
    for (int i = threadIdx.x; i < rows * width; i += blockDim.x) {
        int r = i / width, j = i - r * width;
        c.p[(long long)(t0 + r) * c.ld + j] = stage[r * pitch + j];
    }
}

// store_turned does the same with rotary columns, which are turned back; it adds where add is set.
__device__ inline void store_turned(Columns c, Turn turn, const float *stage, int pitch, int t0, int rows, bool add) {
    for (int i = threadIdx.x; i < rows * turn.rope; i += blockDim.x) {
        int r = i / turn.rope, j = i - r * turn.rope;
        float v = turned(turn, stage + r * pitch, j, t0 + r, -1.0f);
        float *p = c.p + (long long)(t0 + r) * c.ld + j;
        *p = add ? *p + v : v;
    }
}

// KeyGradients says where the gradients of keys and values go; see attention_float_dkv in kernels.h.
struct KeyGradients {
    float *nope, *rope, *v;
    int ld_nope, stride_nope, ld_rope, stride_rope, parts, ld_v, stride_v;
};

// store_keys writes the gradients of rows of keys of one key head.
__device__ inline void store_keys(KeyGradients g, Turn turn, const float *stage, int pitch, int nope, int batch, int kv_head, int kv_heads, int seq, int t0,
                                  int rows) {
    long long first = (long long)batch * seq;
    if (nope > 0)
        store_columns({g.nope + first * g.ld_nope + (long long)kv_head * g.stride_nope, g.ld_nope}, stage, pitch, t0, rows, nope);
    if (g.parts)
        store_turned({g.rope + (((long long)batch * kv_heads + kv_head) * seq) * turn.rope, turn.rope}, turn, stage + nope, pitch, t0, rows, false);
    else
        store_turned({g.rope + first * g.ld_rope + (long long)kv_head * g.stride_rope, g.ld_rope}, turn, stage + nope, pitch, t0, rows, true);
}

__device__ inline int first_key(const int *doc_start, int batch, int seq, int t) {
    return doc_start ? doc_start[(long long)batch * seq + min(t, seq - 1)] : 0;
}
