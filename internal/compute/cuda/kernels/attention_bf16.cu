// Causal softmax attention on tensor cores with float32 sums (Dao, arXiv 2307.08691). A block has 4 warps of M times 16 queries
// (keys in the backward pass of keys). The probabilities never leave the registers; the backward pass computes them again.
// Gradients are sums in a fixed order: one kernel for those of queries, one for those of keys and values, no atomics.
#include "attention.cuh"
#include "mma.cuh"

#define LOG2E 1.44269504088896f
#define LN2 0.693147180559945f

// quad_sum adds up over the four lanes that share a row of a product.
__device__ inline float quad_sum(float v) {
    v += __shfl_xor_sync(WARP, v, 1);
    return v + __shfl_xor_sync(WARP, v, 2);
}

__device__ inline float quad_max(float v) {
    v = fmaxf(v, __shfl_xor_sync(WARP, v, 1));
    return fmaxf(v, __shfl_xor_sync(WARP, v, 2));
}

// KEYS is the number of keys taken at a time.
template <int D, int V, int M, int KEYS>
__device__ inline void forward(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k, const bf16 *v, const int *doc_start,
                               int seq, int heads, int group, int vdim, float scale) {
    const int ROWS = 64 * M;
    SHARED(bf16, shared);
    bf16 *qs = shared, *ks = qs + ROWS * (D + 8), *vs = ks + KEYS * (D + 8);
    int head = blockIdx.y, batch = blockIdx.z, q0 = (gridDim.x - 1 - blockIdx.x) * ROWS; // the longest rows first
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    q += qh * seq * D;
    k += kv * seq * D;
    v += kv * seq * V;
    int warp = 16 * M * warp_of(), row = q0 + warp + lane_of() / 4, col = lane_of() % 4 * 2; // of the thread's elements in a product
    int start[M][2], last_start = first_key(doc_start, batch, seq, q0 + ROWS - 1);
    float unit = scale * LOG2E, peak[M][2], sum[M][2], o[M][V / 8][4];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            start[m][h] = first_key(doc_start, batch, seq, row + 16 * m + 8 * h);
            peak[m][h] = NEGATIVE_INFINITY;
            sum[m][h] = 0;
        }
    clear(o);
    int k0 = first_key(doc_start, batch, seq, q0) / KEYS * KEYS, end = min(seq, q0 + ROWS);
    fetch<ROWS, D>(qs, q, q0, seq);
    fetch<KEYS, D>(ks, k, k0, seq);
    commit_copies();
    for (; k0 < end; k0 += KEYS) {
        bool seen = k0 < q0 + warp + 16 * M; // by a query of the warp
        wait_copies<0>();
        __syncthreads(); // keys are there, and all warps are done with the values before
        fetch<KEYS, V>(vs, v, k0, seq);
        commit_copies();
        float s[M][KEYS / 8][4];
        if (seen) {
            product_rows<M, KEYS, D>(s, qs, ks, D + 8, warp);
            if (k0 + KEYS > q0 || k0 < last_start) {
#pragma unroll
                for (int m = 0; m < M; m++)
#pragma unroll
                    for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
                        for (int i = 0; i < 4; i++) {
                            int key = k0 + 8 * n + col + i % 2;
                            if (key > row + 16 * m + i / 2 * 8 || key < start[m][i / 2])
                                s[m][n][i] = NEGATIVE_INFINITY;
                        }
            }
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int h = 0; h < 2; h++) { // the thread's rows
                    float top = peak[m][h];
#pragma unroll
                    for (int n = 0; n < KEYS / 8; n++)
                        top = fmaxf(top, fmaxf(s[m][n][2 * h], s[m][n][2 * h + 1]));
                    top = quad_max(top);
                    float base = top == NEGATIVE_INFINITY ? 0.0f : top, shrink = fast_exp2((peak[m][h] - base) * unit), more = 0;
#pragma unroll
                    for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
                        for (int i = 2 * h; i < 2 * h + 2; i++) {
                            s[m][n][i] = fast_exp2((s[m][n][i] - base) * unit);
                            more += s[m][n][i];
                        }
                    sum[m][h] = sum[m][h] * shrink + more; // of this lane's columns
                    peak[m][h] = top;
#pragma unroll
                    for (int n = 0; n < V / 8; n++) {
                        o[m][n][2 * h] *= shrink;
                        o[m][n][2 * h + 1] *= shrink;
                    }
                }
        }
        wait_copies<0>();
        __syncthreads(); // values are there, and all warps are done with the keys
        if (k0 + KEYS < end)
            fetch<KEYS, D>(ks, k, k0 + KEYS, seq);
        commit_copies();
        if (seen)
            add_product<M, V, KEYS>(o, s, vs, V + 8);
    }
    wait_copies<0>();
    float top = NEGATIVE_INFINITY;
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int t = row + 16 * m + 8 * h;
            sum[m][h] = quad_sum(sum[m][h]);
            if (t >= seq)
                continue;
            float logit = peak[m][h] * scale, by = 1.0f / sum[m][h];
            top = fmaxf(top, logit);
            if (col == 0) {
                lse[qh * seq + t] = logit + logf(sum[m][h]);
                if (sum[m][h] != sum[m][h] && logit < INFINITY)
                    raise_to(max_logit + head, sum[m][h]); // NaN hides from comparisons
            }
            long long at = ((long long)batch * seq + t) * heads * vdim + (long long)head * vdim;
#pragma unroll
            for (int n = 0; n < V / 8; n++)
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    int c = 8 * n + col + i;
                    if (c < vdim)
                        out[at + c] = o[m][n][2 * h + i] * by;
                    if (c < vdim && half)
                        half[at + c] = to_bf16(o[m][n][2 * h + i] * by);
                }
        }
    top = warp_max(top);
    if (lane_of() == 0)
        raise_to(max_logit + head, top);
}

// STEP is the number of keys taken at a time.
template <int D, int V, int M, int STEP>
__device__ inline void backward_queries(Columns dq, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta,
                                        const int *doc_start, Turn turn, int seq, int heads, int group, int nope, float scale) {
    const int ROWS = 64 * M;
    SHARED(bf16, shared);
    bf16 *qs = shared, *gs = qs + ROWS * (D + 8), *ks = gs + ROWS * (V + 8), *vs = ks + STEP * (D + 8);
    int head = blockIdx.y, batch = blockIdx.z, q0 = (gridDim.x - 1 - blockIdx.x) * ROWS;
    long long kv = (long long)batch * (heads / group) + head / group, qh = (long long)batch * heads + head;
    k += kv * seq * D;
    v += kv * seq * V;
    int warp = 16 * M * warp_of(), row = q0 + warp + lane_of() / 4, col = lane_of() % 4 * 2;
    int start[M][2];
    float shift[M][2], mean[M][2], unit = scale * LOG2E, acc[M][D / 8][4];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int t = row + 16 * m + 8 * h;
            start[m][h] = t < seq ? first_key(doc_start, batch, seq, t) : 0x7fffffff; // sees nothing
            shift[m][h] = t < seq ? lse[qh * seq + t] * LOG2E : 0;
            mean[m][h] = t < seq ? delta[qh * seq + t] : 0;
        }
    clear(acc);
    fetch<ROWS, D>(qs, q + qh * seq * D, q0, seq);
    fetch<ROWS, V>(gs, dout + qh * seq * V, q0, seq);
    for (int k0 = first_key(doc_start, batch, seq, q0) / STEP * STEP; k0 < min(seq, q0 + ROWS); k0 += STEP) {
        __syncthreads();
        fetch<STEP, D>(ks, k, k0, seq);
        fetch<STEP, V>(vs, v, k0, seq);
        commit_copies();
        wait_copies<0>();
        __syncthreads();
        if (k0 >= q0 + warp + 16 * M)
            continue; // no query of the warp sees these keys
        float s[M][STEP / 8][4], g[M][STEP / 8][4];
        product_rows<M, STEP, D>(s, qs, ks, D + 8, warp);
        product_rows<M, STEP, V>(g, gs, vs, V + 8, warp);
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int n = 0; n < STEP / 8; n++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int key = k0 + 8 * n + col + i % 2, h = i / 2;
                    bool seen = key <= row + 16 * m + 8 * h && key >= start[m][h];
                    s[m][n][i] = seen ? fast_exp2(s[m][n][i] * unit - shift[m][h]) * (g[m][n][i] - mean[m][h]) : 0;
                }
        add_product<M, D, STEP>(acc, s, ks, D + 8);
    }
    __syncthreads();
    float *stage = reinterpret_cast<float *>(shared);
    spread<M, D>(stage, D + 4, warp, acc, scale);
    __syncthreads();
    Columns c = {dq.p + (long long)batch * seq * dq.ld, dq.ld};
    int rows = min(ROWS, seq - q0);
    store_columns(c, stage, D + 4, q0, rows, nope);
    store_turned({c.p + nope, c.ld}, turn, stage + nope, D + 4, q0, rows, false);
}

// STEP is the number of queries taken at a time.
template <int D, int V, int M, int STEP>
__device__ inline void backward_keys(KeyGradients to, const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta,
                                     const int *doc_start, Turn turn, int seq, int heads, int group, int nope, int vdim, float scale) {
    const int ROWS = 64 * M;
    SHARED(bf16, shared);
    bf16 *ks = shared, *vs = ks + ROWS * (D + 8), *qs = vs + ROWS * (V + 8), *gs = qs + STEP * (D + 8);
    float *shift = reinterpret_cast<float *>(gs + STEP * (V + 8)), *mean = shift + STEP;
    int *start = reinterpret_cast<int *>(mean + STEP);
    int kv_heads = heads / group, kv_head = blockIdx.y, batch = blockIdx.z, k0 = blockIdx.x * ROWS;
    long long kv = (long long)batch * kv_heads + kv_head;
    int warp = 16 * M * warp_of(), key = k0 + warp + lane_of() / 4, col = lane_of() % 4 * 2;
    float unit = scale * LOG2E, dk[M][D / 8][4], dv[M][V / 8][4];
    clear(dk);
    clear(dv);
    fetch<ROWS, D>(ks, k + kv * seq * D, k0, seq);
    fetch<ROWS, V>(vs, v + kv * seq * V, k0, seq);
    for (int head = kv_head * group; head < (kv_head + 1) * group; head++) {
        long long qh = (long long)batch * heads + head;
        // Starts of documents never fall: a tile whose first query begins behind these keys is the end.
        for (int q0 = k0; q0 < seq && first_key(doc_start, batch, seq, q0) < k0 + ROWS; q0 += STEP) {
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
            if (q0 + STEP <= k0 + warp)
                continue; // none of these queries sees a key of the warp
            float p[M][STEP / 8][4], g[M][STEP / 8][4];
            product_rows<M, STEP, D>(p, ks, qs, D + 8, warp);
            product_rows<M, STEP, V>(g, vs, gs, V + 8, warp);
#pragma unroll
            for (int n = 0; n < STEP / 8; n++)
#pragma unroll
                for (int c = 0; c < 2; c++) {
                    int j = 8 * n + col + c, from = start[j];
                    float less = shift[j], middle = mean[j];
#pragma unroll
                    for (int m = 0; m < M; m++)
#pragma unroll
                        for (int i = c; i < 4; i += 2) {
                            int at = key + 16 * m + i / 2 * 8;
                            float w = fast_exp2(p[m][n][i] * unit - less), dw = w * (g[m][n][i] - middle);
                            bool seen = at <= q0 + j && at >= from;
                            p[m][n][i] = seen ? w : 0;
                            g[m][n][i] = seen ? dw : 0;
                        }
                }
            add_product<M, V, STEP>(dv, p, gs, V + 8);
            add_product<M, D, STEP>(dk, g, qs, D + 8);
        }
    }
    wait_copies<0>(); // where no query sees the keys
    __syncthreads();
    float *stage = reinterpret_cast<float *>(shared);
    int rows = min(ROWS, seq - k0);
    spread<M, D>(stage, D + 4, warp, dk, scale);
    __syncthreads();
    store_keys(to, turn, stage, D + 4, nope, batch, kv_head, kv_heads, seq, k0, rows);
    __syncthreads();
    spread<M, V>(stage, V + 4, warp, dv, 1.0f);
    __syncthreads();
    store_columns({to.v + (long long)batch * seq * to.ld_v + (long long)kv_head * to.stride_v, to.ld_v}, stage, V + 4, k0, rows, vdim);
}

// M, DQ_M and DKV_M are how many times 16 rows a warp takes forwards and for the gradients of queries and of keys: two where the
// sums leave room in the registers, some with fewer KEYS forwards or a smaller STEP for the gradients of keys.
#define VARIANT(D, V, M, KEYS, DQ_M, DKV_M, STEP)                                                                                                       \
    KERNEL __launch_bounds__(128) attention_bf16_d##D##_v##V(float *out, bf16 *half, float *lse, float *max_logit, const bf16 *q, const bf16 *k,        \
                                                             const bf16 *v, const int *doc_start, int seq, int heads, int group, int vdim,            \
                                                             float scale) {                                                                            \
        forward<D, V, M, KEYS>(out, half, lse, max_logit, q, k, v, doc_start, seq, heads, group, vdim, scale);                                               \
    }                                                                                                                                                  \
    KERNEL __launch_bounds__(128) attention_bf16_dq_d##D##_v##V(float *dq, int ld, int stride, const bf16 *q, const bf16 *k, const bf16 *v,             \
                                                                const bf16 *dout, const float *lse, const float *delta, const int *doc_start,         \
                                                                const float *cos, const float *sin, int rotate_half, int seq, int heads, int group,   \
                                                                int nope, int rope, float scale) {                                                     \
        backward_queries<D, V, DQ_M, 32>({dq + (long long)blockIdx.y * stride, ld}, q, k, v, dout, lse, delta, doc_start,                              \
                                         {cos, sin, rope, rotate_half}, seq, heads, group, nope, scale);                                               \
    }                                                                                                                                                  \
    KERNEL __launch_bounds__(128) attention_bf16_dkv_d##D##_v##V(                                                                                      \
        float *dknope, int ld_nope, int stride_nope, float *dkrope, int ld_rope, int stride_rope, int rope_parts, float *dv, int ld_v, int stride_v,   \
        const bf16 *q, const bf16 *k, const bf16 *v, const bf16 *dout, const float *lse, const float *delta, const int *doc_start, const float *cos,   \
        const float *sin, int rotate_half, int seq, int heads, int group, int nope, int rope, int vdim, float scale) {                                 \
        backward_keys<D, V, DKV_M, STEP>({dknope, dkrope, dv, ld_nope, stride_nope, ld_rope, stride_rope, rope_parts, ld_v, stride_v}, q, k, v, dout,  \
                                         lse, delta, doc_start, {cos, sin, rope, rotate_half}, seq, heads, group, nope, vdim, scale);                  \
    }

VARIANT(64, 64, 2, 64, 2, 2, 32)
VARIANT(96, 64, 2, 64, 2, 2, 16)
VARIANT(128, 128, 2, 64, 2, 1, 32)
VARIANT(192, 128, 2, 32, 1, 1, 16)
