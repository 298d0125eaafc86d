// Causal softmax attention on tensor cores with float32 sums (Dao, arXiv 2307.08691). A block has 4 warps of 16 queries (keys
// in the backward pass of keys). The probabilities never leave the registers; the backward pass computes them again.
// Gradients are sums in a fixed order: one kernel for those of queries, one for those of keys and values, no atomics.
#include "attention.cuh"
#include "mma.cuh"

#define LOG2E 1.44269504088896f
#define LN2 0.693147180559945f
#define BLOCK 64 // queries or keys of a block

// quad_sum adds up over the four lanes that share a row of a product.
__device__ inline float quad_sum(float v) {
    v += __shfl_xor_sync(WARP, v, 1);
    return v + __shfl_xor_sync(WARP, v, 2);
}

__device__ inline float quad_max(float v) {
    v = fmaxf(v, __shfl_xor_sync(WARP, v, 1));
    return fmaxf(v, __shfl_xor_sync(WARP, v, 2));
}

template <int N> __device__ inline void clear(float (&c)[N][4]) {
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            c[n][i] = 0;
}

template <int D, int V>
__device__ inline void forward(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k, const bf16 *v, const int *doc_start,
                               int seq, int heads, int group, int vdim, float scale) {
    SHARED(bf16, shared);
    bf16 *qs = shared, *ks = qs + BLOCK * (D + 8), *vs = ks + BLOCK * (D + 8);
    int head = blockIdx.y, batch = blockIdx.z, q0 = (gridDim.x - 1 - blockIdx.x) * BLOCK; // the longest rows first
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    q += qh * seq * D;
    k += kv * seq * D;
    v += kv * seq * V;
    int row = 16 * warp_of() + lane_of() / 4, col = lane_of() % 4 * 2; // of the thread's elements in a product
    int t[2] = {q0 + row, q0 + row + 8};
    int start[2] = {first_key(doc_start, batch, seq, t[0]), first_key(doc_start, batch, seq, t[1])};
    int last_start = first_key(doc_start, batch, seq, q0 + BLOCK - 1);
    float unit = scale * LOG2E, peak[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, sum[2] = {0, 0}, o[V / 8][4];
    clear(o);
    int k0 = first_key(doc_start, batch, seq, q0) / BLOCK * BLOCK, end = min(seq, q0 + BLOCK);
    fetch<BLOCK, D>(qs, q, q0, seq);
    fetch<BLOCK, D>(ks, k, k0, seq);
    commit_copies();
    for (; k0 < end; k0 += BLOCK) {
        wait_copies<0>();
        __syncthreads(); // keys are there, and all warps are done with the values before
        fetch<BLOCK, V>(vs, v, k0, seq);
        commit_copies();
        float s[BLOCK / 8][4];
        product_rows<BLOCK, D>(s, qs, ks, D + 8, 16 * warp_of());
        if (k0 + BLOCK > q0 || k0 < last_start) {
#pragma unroll
            for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int key = k0 + 8 * n + col + i % 2;
                    if (key > t[i / 2] || key < start[i / 2])
                        s[n][i] = NEGATIVE_INFINITY;
                }
        }
#pragma unroll
        for (int h = 0; h < 2; h++) { // the thread's two rows
            float top = peak[h];
#pragma unroll
            for (int n = 0; n < BLOCK / 8; n++)
                top = fmaxf(top, fmaxf(s[n][2 * h], s[n][2 * h + 1]));
            top = quad_max(top);
            float base = top == NEGATIVE_INFINITY ? 0.0f : top, shrink = fast_exp2((peak[h] - base) * unit), more = 0;
#pragma unroll
            for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
                for (int i = 2 * h; i < 2 * h + 2; i++) {
                    s[n][i] = fast_exp2((s[n][i] - base) * unit);
                    more += s[n][i];
                }
            sum[h] = sum[h] * shrink + more; // of this lane's columns
            peak[h] = top;
#pragma unroll
            for (int n = 0; n < V / 8; n++) {
                o[n][2 * h] *= shrink;
                o[n][2 * h + 1] *= shrink;
            }
        }
        wait_copies<0>();
        __syncthreads(); // values are there, and all warps are done with the keys
        if (k0 + BLOCK < end)
            fetch<BLOCK, D>(ks, k, k0 + BLOCK, seq);
        commit_copies();
        add_product<V, BLOCK>(o, s, vs, V + 8);
    }
    wait_copies<0>();
    float top = NEGATIVE_INFINITY;
#pragma unroll
    for (int h = 0; h < 2; h++) {
        sum[h] = quad_sum(sum[h]);
        if (t[h] >= seq)
            continue;
        float m = peak[h] * scale, by = 1.0f / sum[h];
        top = fmaxf(top, m);
        if (col == 0) {
            lse[qh * seq + t[h]] = m + logf(sum[h]);
            if (sum[h] != sum[h] && m < INFINITY)
                raise_to(max_logit + head, sum[h]); // NaN hides from comparisons
        }
        long long at = ((long long)batch * seq + t[h]) * heads * vdim + (long long)head * vdim;
#pragma unroll
        for (int n = 0; n < V / 8; n++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int c = 8 * n + col + i;
                if (c < vdim)
                    out[at + c] = o[n][2 * h + i] * by;
                if (c < vdim && half)
                    half[at + c] = to_bf16(o[n][2 * h + i] * by);
            }
    }
    top = warp_max(top);
    if (lane_of() == 0)
        raise_to(max_logit + head, top);
}

template <int D, int V, int STEP>
__device__ inline void backward_queries(Columns dq, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta,
                                        const int *doc_start, Turn turn, int seq, int heads, int group, int nope, float scale) {
    SHARED(bf16, shared);
    bf16 *qs = shared, *gs = qs + BLOCK * (D + 8), *ks = gs + BLOCK * (V + 8), *vs = ks + STEP * (D + 8);
    int head = blockIdx.y, batch = blockIdx.z, q0 = (gridDim.x - 1 - blockIdx.x) * BLOCK;
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    k += kv * seq * D;
    v += kv * seq * V;
    int row = 16 * warp_of() + lane_of() / 4, col = lane_of() % 4 * 2;
    int t[2] = {q0 + row, q0 + row + 8};
    int start[2] = {first_key(doc_start, batch, seq, t[0]), first_key(doc_start, batch, seq, t[1])};
    float shift[2], mean[2], unit = scale * LOG2E, acc[D / 8][4];
    for (int h = 0; h < 2; h++) {
        shift[h] = t[h] < seq ? lse[qh * seq + t[h]] * LOG2E : 0;
        mean[h] = t[h] < seq ? delta[qh * seq + t[h]] : 0;
    }
    clear(acc);
    fetch<BLOCK, D>(qs, q + qh * seq * D, q0, seq);
    fetch<BLOCK, V>(gs, dout + qh * seq * V, q0, seq);
    for (int k0 = first_key(doc_start, batch, seq, q0) / STEP * STEP; k0 < min(seq, q0 + BLOCK); k0 += STEP) {
        __syncthreads();
        fetch<STEP, D>(ks, k, k0, seq);
        fetch<STEP, V>(vs, v, k0, seq);
        commit_copies();
        wait_copies<0>();
        __syncthreads();
        float s[STEP / 8][4], g[STEP / 8][4];
        product_rows<STEP, D>(s, qs, ks, D + 8, 16 * warp_of());
        product_rows<STEP, V>(g, gs, vs, V + 8, 16 * warp_of());
#pragma unroll
        for (int n = 0; n < STEP / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int key = k0 + 8 * n + col + i % 2, h = i / 2;
                bool seen = key <= t[h] && key >= start[h] && t[h] < seq;
                s[n][i] = seen ? fast_exp2(s[n][i] * unit - shift[h]) * (g[n][i] - mean[h]) : 0;
            }
        add_product<D, STEP>(acc, s, ks, D + 8);
    }
    __syncthreads();
    float *stage = reinterpret_cast<float *>(shared);
    spread<D>(stage, D + 4, 16 * warp_of(), acc, scale);
    __syncthreads();
    Columns c = {dq.p + (long long)batch * seq * dq.ld, dq.ld};
    int rows = min(BLOCK, seq - q0);
    store_columns(c, stage, D + 4, q0, rows, nope);
    store_turned({c.p + nope, c.ld}, turn, stage + nope, D + 4, q0, rows, false);
}

// STEP is the number of queries taken at a time: fewer where the sums of large heads fill the registers.
template <int D, int V, int STEP>
__device__ inline void backward_keys(KeyGradients to, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta,
                                     const int *doc_start, Turn turn, int seq, int heads, int group, int nope, int vdim, float scale) {
    SHARED(bf16, shared);
    bf16 *ks = shared, *vs = ks + BLOCK * (D + 8), *qs = vs + BLOCK * (V + 8), *gs = qs + STEP * (D + 8);
    float *shift = reinterpret_cast<float *>(gs + STEP * (V + 8)), *mean = shift + STEP;
    int *start = reinterpret_cast<int *>(mean + STEP);
    int kv_heads = heads / group, kv_head = blockIdx.y, batch = blockIdx.z, k0 = blockIdx.x * BLOCK;
    long long kv = (long long)batch * kv_heads + kv_head;
    int row = 16 * warp_of() + lane_of() / 4, col = lane_of() % 4 * 2;
    int key[2] = {k0 + row, k0 + row + 8};
    float unit = scale * LOG2E, dk[D / 8][4], dv[V / 8][4];
    clear(dk);
    clear(dv);
    fetch<BLOCK, D>(ks, k + kv * seq * D, k0, seq);
    fetch<BLOCK, V>(vs, v + kv * seq * V, k0, seq);
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
        long long qh = (long long)batch * heads + head;
        // Starts of documents never fall: a tile whose first query begins behind these keys is the end.
        for (int q0 = k0; q0 < seq && first_key(doc_start, batch, seq, q0) < k0 + BLOCK; q0 += STEP) {
            __syncthreads();
            fetch<STEP, D>(qs, q + qh * seq * D, q0, seq);
            fetch<STEP, V>(gs, dout + qh * seq * V, q0, seq);
            commit_copies();
            if (threadIdx.x < STEP) {
                int t = q0 + threadIdx.x;
                shift[threadIdx.x] = t < seq ? lse[qh * seq + t] * LOG2E : 0;
                mean[threadIdx.x] = t < seq ? delta[qh * seq + t] : 0;
                start[threadIdx.x] = t < seq ? first_key(doc_start, batch, seq, t) : 0x7fffffff; // sees nothing
            }
            wait_copies<0>();
            __syncthreads();
            float p[STEP / 8][4], g[STEP / 8][4];
            product_rows<STEP, D>(p, ks, qs, D + 8, 16 * warp_of());
            product_rows<STEP, V>(g, vs, gs, V + 8, 16 * warp_of());
#pragma unroll
            for (int n = 0; n < STEP / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int j = 8 * n + col + i % 2, h = i / 2;
                    bool seen = key[h] <= q0 + j && key[h] >= start[j];
                    p[n][i] = seen ? fast_exp2(p[n][i] * unit - shift[j]) : 0;
                    g[n][i] = seen ? p[n][i] * (g[n][i] - mean[j]) : 0;
                }
            add_product<V, STEP>(dv, p, gs, V + 8);
            add_product<D, STEP>(dk, g, qs, D + 8);
        }
    }
    wait_copies<0>(); // where no query sees the keys
    __syncthreads();
    float *stage = reinterpret_cast<float *>(shared);
    int rows = min(BLOCK, seq - k0);
    spread<D>(stage, D + 4, 16 * warp_of(), dk, scale);
    __syncthreads();
    store_keys(to, turn, stage, D + 4, nope, batch, kv_head, kv_heads, seq, k0, rows);
    __syncthreads();
    spread<V>(stage, V + 4, 16 * warp_of(), dv, 1.0f);
    __syncthreads();
    store_columns({to.v + (long long)batch * seq * to.ld_v + (long long)kv_head * to.stride_v, to.ld_v}, stage, V + 4, k0, rows, vdim);
}

#define VARIANT(D, V)                                                                                                                                  \
    KERNEL __launch_bounds__(128) attention_bf16_d##D##_v##V(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k, const bf16 *v, \
                                                             const int *doc_start, int seq, int heads, int group, int vdim, float scale) {            \
        forward<D, V>(out, half, lse, max_logit, q, k, v, doc_start, seq, heads, group, vdim, scale);                                                        \
    }                                                                                                                                                  \
    KERNEL __launch_bounds__(128) attention_bf16_dq_d##D##_v##V(float *dq, int ld, int stride, const bf16 *q, const bf16 *k, const bf16 *v,             \
                                                                const bf16 *dout, const float *lse, const float *delta, const int *doc_start,         \
                                                                const float *cos, const float *sin, int rotate_half, int seq, int heads, int group,   \
                                                                int nope, int rope, float scale) {                                                     \
        backward_queries<D, V, 32>({dq + (long long)blockIdx.y * stride, ld}, q, k, v, dout, lse, delta, doc_start, {cos, sin, rope, rotate_half}, seq,    \
                               heads, group, nope, scale);                                                                                             \
    }                                                                                                                                                  \
    KERNEL __launch_bounds__(128) attention_bf16_dkv_d##D##_v##V(                                                                                      \
        float *dknope, int ld_nope, int stride_nope, float *dkrope, int ld_rope, int stride_rope, int rope_parts, float *dv, int ld_v, int stride_v,   \
        const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta, const int *doc_start, const float *cos,   \
        const float *sin, int rotate_half, int seq, int heads, int group, int nope, int rope, int vdim, float scale) {                                 \
        backward_keys<D, V, (D + V > 256 ? 16 : 32)>({dknope, dkrope, dv, ld_nope, stride_nope, ld_rope, stride_rope, rope_parts, ld_v, stride_v}, q, k, v, dout, lse, delta,   \
                            doc_start, {cos, sin, rope, rotate_half}, seq, heads, group, nope, vdim, scale);                                           \
    }

VARIANT(64, 64)
VARIANT(96, 64)
VARIANT(128, 128)
VARIANT(192, 128)
