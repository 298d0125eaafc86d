// Causal softmax attention in float32: the path for parity, not for speed. A block has 32 queries (keys in the backward
// pass of keys) of 8 threads each, and takes 32 of the others at a time.
#include "attention.cuh"

#define TILE 32
#define OWN 32 // columns of a thread: every 8th of at most 256

// load_tile copies rows [t0, t0+32) of width columns to shared rows pitch apart, zeros behind the last.
__device__ inline void load_tile(float *dst, int pitch, const float *src, int t0, int seq, int width) {
    for (int i = threadIdx.x; i < TILE * width; i += 256) {
        int r = i / width, c = i - r * width;
        dst[r * pitch + c] = t0 + r < seq ? src[(long long)(t0 + r) * width + c] : 0;
    }
}

__device__ inline float dot(const float *x, const float *y, int n) {
    float sum = 0;
    for (int c = 0; c < n; c++)
        sum += x[c] * y[c];
    return sum;
}

// accumulate adds sum_j weight[j] rows[j] to the thread's columns.
__device__ inline void accumulate(float acc[OWN], const float *weight, const float *rows, int pitch, int width, int part) {
#pragma unroll 1
    for (int j = 0; j < TILE; j++, rows += pitch)
#pragma unroll
        for (int i = 0; i < OWN; i++)
            if (part + 8 * i < width)
                acc[i] += weight[j] * rows[part + 8 * i];
}

KERNEL __launch_bounds__(256) attention_float(float *out, float *lse, float *max_logit, const float *q, const float *k, const float *v, const int *doc_start,
                            int seq, int heads, int group, int d, int vdim, float scale) {
    SHARED(float, shared);
    float *qs = shared, *ks = qs + TILE * (d + 1), *vs = ks + TILE * (d + 1), *ps = vs + TILE * vdim;
    int head = blockIdx.y, batch = blockIdx.z, row = threadIdx.x / 8, part = threadIdx.x % 8;
    int q0 = (gridDim.x - 1 - blockIdx.x) * TILE, t = q0 + row; // the longest rows first
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    load_tile(qs, d + 1, q + qh * seq * d, q0, seq, d);
    int start = first_key(doc_start, batch, seq, t);
    float peak = NEGATIVE_INFINITY, sum = 0, acc[OWN];
#pragma unroll
    for (int i = 0; i < OWN; i++)
        acc[i] = 0;
    for (int k0 = first_key(doc_start, batch, seq, q0) / TILE * TILE; k0 < min(seq, q0 + TILE); k0 += TILE) {
        __syncthreads();
        load_tile(ks, d + 1, k + kv * seq * d, k0, seq, d);
        load_tile(vs, vdim, v + kv * seq * vdim, k0, seq, vdim);
        __syncthreads();
        float s[4], top = peak;
        for (int j = 0; j < 4; j++) {
            int key = k0 + part + 8 * j;
            s[j] = key >= start && key <= t ? dot(qs + row * (d + 1), ks + (part + 8 * j) * (d + 1), d) * scale : NEGATIVE_INFINITY;
            top = fmaxf(top, s[j]);
        }
        for (int step = 4; step > 0; step /= 2)
            top = fmaxf(top, __shfl_xor_sync(WARP, top, step));
        float base = top == NEGATIVE_INFINITY ? 0.0f : top, shrink = expf(peak - base), more = 0;
        for (int j = 0; j < 4; j++) {
            float p = expf(s[j] - base);
            ps[row * (TILE + 1) + part + 8 * j] = p;
            more += p;
        }
        for (int step = 4; step > 0; step /= 2)
            more += __shfl_xor_sync(WARP, more, step);
        __syncwarp(); // a row's probabilities are those of threads of one warp
        peak = top;
        sum = sum * shrink + more;
#pragma unroll
        for (int i = 0; i < OWN; i++)
            acc[i] *= shrink;
        accumulate(acc, ps + row * (TILE + 1), vs, vdim, vdim, part);
    }
    if (t < seq) {
        float *o = out + ((long long)batch * seq + t) * heads * vdim + (long long)head * vdim;
#pragma unroll
        for (int i = 0; i < OWN; i++)
            if (part + 8 * i < vdim)
                o[part + 8 * i] = acc[i] / sum;
        if (part == 0) {
            lse[qh * seq + t] = peak + logf(sum);
            if (sum != sum && peak < INFINITY)
                raise_to(max_logit + head, sum); // NaN hides from comparisons
        }
    }
    float top = block_max(t < seq ? peak : NEGATIVE_INFINITY);
    if (threadIdx.x == 0)
        raise_to(max_logit + head, top);
}

// With p = exp(s - lse), dp = do v^T and delta = rowsum(do o): ds = p (dp - delta), dq = scale ds k.
KERNEL __launch_bounds__(256) attention_float_dq(float *dq, int ld, int stride, const float *q, const float *k, const float *v, const float *dout,
                               const float *lse, const float *delta, const int *doc_start, const float *cos, const float *sin, int rotate_half, int seq,
                               int heads, int group, int nope, int rope, int vdim, float scale) {
    SHARED(float, shared);
    int d = nope + rope;
    float *qs = shared, *ks = qs + TILE * (d + 1), *gs = ks + TILE * (d + 1), *vs = gs + TILE * (vdim + 1), *ds = vs + TILE * (vdim + 1);
    int head = blockIdx.y, batch = blockIdx.z, row = threadIdx.x / 8, part = threadIdx.x % 8;
    int q0 = (gridDim.x - 1 - blockIdx.x) * TILE, t = q0 + row;
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    load_tile(qs, d + 1, q + qh * seq * d, q0, seq, d);
    load_tile(gs, vdim + 1, dout + qh * seq * vdim, q0, seq, vdim);
    int start = first_key(doc_start, batch, seq, t);
    float shift = t < seq ? lse[qh * seq + t] : 0, mean = t < seq ? delta[qh * seq + t] : 0, acc[OWN];
#pragma unroll
    for (int i = 0; i < OWN; i++)
        acc[i] = 0;
    for (int k0 = first_key(doc_start, batch, seq, q0) / TILE * TILE; k0 < min(seq, q0 + TILE); k0 += TILE) {
        __syncthreads();
        load_tile(ks, d + 1, k + kv * seq * d, k0, seq, d);
        load_tile(vs, vdim + 1, v + kv * seq * vdim, k0, seq, vdim);
        __syncthreads();
        for (int j = part; j < TILE; j += 8) {
            int key = k0 + j;
            float g = 0;
            if (key >= start && key <= t && t < seq) {
                float p = expf(dot(qs + row * (d + 1), ks + j * (d + 1), d) * scale - shift);
                g = p * (dot(gs + row * (vdim + 1), vs + j * (vdim + 1), vdim) - mean);
            }
            ds[row * (TILE + 1) + j] = g;
        }
        __syncwarp();
        accumulate(acc, ds + row * (TILE + 1), ks, d + 1, d, part);
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < OWN; i++)
        if (part + 8 * i < d)
            qs[row * (d + 1) + part + 8 * i] = acc[i] * scale;
    __syncthreads();
    Columns c = {dq + (long long)batch * seq * ld + (long long)head * stride, ld};
    int rows = min(TILE, seq - q0);
    store_columns(c, qs, d + 1, q0, rows, nope);
    store_turned({c.p + nope, ld}, {cos, sin, rope, rotate_half}, qs + nope, d + 1, q0, rows, false);
}

// dk = scale ds^T q and dv = p^T do, over all query heads that share the key head.
KERNEL __launch_bounds__(256) attention_float_dkv(float *dknope, int ld_nope, int stride_nope, float *dkrope, int ld_rope, int stride_rope, int rope_parts,
                                float *dv, int ld_v, int stride_v, const float *q, const float *k, const float *v, const float *dout, const float *lse,
                                const float *delta, const int *doc_start, const float *cos, const float *sin, int rotate_half, int seq, int heads,
                                int group, int nope, int rope, int vdim, float scale) {
    SHARED(float, shared);
    int d = nope + rope;
    float *qs = shared, *ks = qs + TILE * (d + 1), *gs = ks + TILE * (d + 1), *vs = gs + TILE * (vdim + 1);
    float *ps = vs + TILE * (vdim + 1), *ds = ps + TILE * (TILE + 1);
    int kv_heads = heads / group, kv_head = blockIdx.y, batch = blockIdx.z, row = threadIdx.x / 8, part = threadIdx.x % 8;
    int k0 = blockIdx.x * TILE, key = k0 + row;
    long long kv = (long long)batch * kv_heads + kv_head;
    load_tile(ks, d + 1, k + kv * seq * d, k0, seq, d);
    load_tile(vs, vdim + 1, v + kv * seq * vdim, k0, seq, vdim);
    float dk_acc[OWN], dv_acc[OWN];
#pragma unroll
    for (int i = 0; i < OWN; i++)
        dk_acc[i] = dv_acc[i] = 0;
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
        long long qh = (long long)batch * heads + head;
        // Starts of documents never fall: a tile whose first query begins behind these keys is the end.
        for (int q0 = k0; q0 < seq && first_key(doc_start, batch, seq, q0) < k0 + TILE; q0 += TILE) {
            __syncthreads();
            load_tile(qs, d + 1, q + qh * seq * d, q0, seq, d);
            load_tile(gs, vdim + 1, dout + qh * seq * vdim, q0, seq, vdim);
            __syncthreads();
            for (int j = part; j < TILE; j += 8) {
                int t = q0 + j;
                float p = 0, g = 0;
                if (t < seq && key <= t && key >= first_key(doc_start, batch, seq, t)) {
                    p = expf(dot(qs + j * (d + 1), ks + row * (d + 1), d) * scale - lse[qh * seq + t]);
                    g = p * (dot(gs + j * (vdim + 1), vs + row * (vdim + 1), vdim) - delta[qh * seq + t]);
                }
                ps[row * (TILE + 1) + j] = p;
                ds[row * (TILE + 1) + j] = g;
            }
            __syncwarp();
            accumulate(dv_acc, ps + row * (TILE + 1), gs, vdim + 1, vdim, part);
            accumulate(dk_acc, ds + row * (TILE + 1), qs, d + 1, d, part);
        }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        int c = part + 8 * i;
        if (c < d)
            ks[row * (d + 1) + c] = dk_acc[i] * scale;
        if (c < vdim)
            vs[row * (vdim + 1) + c] = dv_acc[i];
    }
    __syncthreads();
    KeyGradients g = {dknope, dkrope, dv, ld_nope, stride_nope, ld_rope, stride_rope, rope_parts, ld_v, stride_v};
    int rows = min(TILE, seq - k0);
    store_keys(g, {cos, sin, rope, rotate_half}, ks, d + 1, nope, batch, kv_head, kv_heads, seq, k0, rows);
    store_columns({dv + (long long)batch * seq * ld_v + (long long)kv_head * stride_v, ld_v}, vs, vdim + 1, k0, rows, vdim);
}
