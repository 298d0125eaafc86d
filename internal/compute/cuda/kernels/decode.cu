// Attention of new tokens over a paged cache. With latent rows (kv_b_proj absorbed: DeepSeek-V2, section 2.1.3) a block
// takes 8 heads and a share of the positions, 16 at a time; with grouped-query attention a warp takes up to 4 heads of a group
// and a share of the positions. decode_merge joins the shares.
#include "decode.cuh"

#define HEADS 8
#define ROWS 16
#define MOST 576 // columns of a row
#define OWN ((MOST + 127) / 128)

template <typename T>
__device__ inline void decode_latent(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner, const int *at,
                                     int heads, int d, int v, int page, int span, long long offset, float scale) {
    SHARED(float, shared);
    float *q = shared, *key = q + HEADS * d, *p = key + ROWS * (d + 1); // p: HEADS x (ROWS+1)
    int tid = threadIdx.x, split = blockIdx.x, head0 = blockIdx.y * HEADS, row = blockIdx.z;
    int len = at[row] + 1, share = (len + gridDim.x - 1) / gridDim.x;
    int first = min(len, split * share), last = min(len, first + share);
    Pages<T> pages = {table + (long long)owner[row] * span, page, d, offset};
    for (int i = tid; i < HEADS * d; i += 128)
        q[i] = head0 + i / d < heads ? query[((long long)row * heads + head0) * d + i] * scale : 0;
    float acc[HEADS][OWN];
#pragma unroll
    for (int h = 0; h < HEADS; h++)
#pragma unroll
        for (int j = 0; j < OWN; j++)
            acc[h][j] = 0;
    float top = NEGATIVE_INFINITY, total = 0; // of head tid/16, equal in its 16 threads
    for (int lo = first; lo < last; lo += ROWS) {
        __syncthreads();
        for (int r = warp_of(); r < ROWS; r += 4) {
            const T *from = lo + r < last ? cache_row(pages, lo + r) : nullptr;
            for (int c = lane_of(); c < d; c += 32)
                key[r * (d + 1) + c] = from ? element(from + c) : 0;
        }
        __syncthreads();
        int h = tid / ROWS, r = tid % ROWS;
        float score = NEGATIVE_INFINITY;
        if (lo + r < last) {
            score = 0;
            for (int c = 0; c < d; c++)
                score += q[h * d + c] * key[r * (d + 1) + c];
        }
        float now = score;
        for (int step = 8; step > 0; step /= 2)
            now = fmaxf(now, __shfl_xor_sync(WARP, now, step));
        now = fmaxf(now, top);
        float shrink = now == NEGATIVE_INFINITY ? 1.0f : expf(top - now); // a row of NaN leaves no number to compare
        float e = lo + r >= last ? 0.0f : now == NEGATIVE_INFINITY ? score : expf(score - now);
        p[h * (ROWS + 1) + r] = e;
        for (int step = 8; step > 0; step /= 2)
            e += __shfl_xor_sync(WARP, e, step);
        total = total * shrink + e;
        top = now;
        if (r == 0)
            p[h * (ROWS + 1) + ROWS] = shrink;
        __syncthreads();
#pragma unroll
        for (int j = 0; j < OWN; j++) {
            int c = tid + 128 * j;
            if (c >= v)
                break;
#pragma unroll
            for (int hh = 0; hh < HEADS; hh++)
                acc[hh][j] *= p[hh * (ROWS + 1) + ROWS];
#pragma unroll 4
            for (int k = 0; k < ROWS; k++) {
                float x = key[k * (d + 1) + c];
#pragma unroll
                for (int hh = 0; hh < HEADS; hh++)
                    acc[hh][j] += p[hh * (ROWS + 1) + k] * x;
            }
        }
    }
    long long place = ((long long)row * gridDim.x + split) * heads + head0;
#pragma unroll
    for (int h = 0; h < HEADS; h++)
#pragma unroll
        for (int j = 0; j < OWN; j++)
            if (head0 + h < heads && tid + 128 * j < v)
                part[(place + h) * v + tid + 128 * j] = acc[h][j];
    if (tid % ROWS == 0 && head0 + tid / ROWS < heads) {
        peak[place + tid / ROWS] = top;
        sum[place + tid / ROWS] = total;
    }
}

KERNEL __launch_bounds__(128) decode_latent_float(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner,
                                const int *at, int heads, int d, int v, int page, int span, long long offset, float scale) {
    decode_latent<float>(part, peak, sum, query, table, owner, at, heads, d, v, page, span, offset, scale);
}

KERNEL __launch_bounds__(128) decode_latent_bf16(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner,
                               const int *at, int heads, int d, int v, int page, int span, long long offset, float scale) {
    decode_latent<bf16>(part, peak, sum, query, table, owner, at, heads, d, v, page, span, offset, scale);
}

#define QUERIES 4 // heads of a warp

// J is how many times 128 columns a head has; a lane takes 4 neighbours of each.
template <typename T, int J>
__device__ inline void decode_grouped(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner, const int *at,
                                      int heads, int group, int d, int page, int span, long long offset, float scale) {
    int chunks = (group + QUERIES - 1) / QUERIES, g = blockIdx.y / chunks, head0 = g * group + blockIdx.y % chunks * QUERIES;
    int n = min(QUERIES, (g + 1) * group - head0), row = blockIdx.z, split = blockIdx.x * 4 + warp_of(), splits = gridDim.x * 4;
    int len = at[row] + 1, share = (len + splits - 1) / splits, half = heads / group * d;
    int first = min(len, split * share), last = min(len, first + share), lane = lane_of();
    Pages<T> pages = {table + (long long)owner[row] * span, page, 2 * half, offset};
    bool whole = d % 4 == 0;
    const int KEYS = 4 / J; // positions at a time
    float4 q[QUERIES][J], acc[QUERIES][J];
    float top[QUERIES], total[QUERIES];
#pragma unroll
    for (int h = 0; h < QUERIES; h++) {
        top[h] = NEGATIVE_INFINITY;
        total[h] = 0;
#pragma unroll
        for (int j = 0; j < J; j++) {
            acc[h][j] = make_float4(0, 0, 0, 0);
            q[h][j] = h < n ? four(query + ((long long)row * heads + head0 + h) * d, 4 * lane + 128 * j, d, whole) : acc[h][j];
        }
    }
    for (int lo = first; lo < last; lo += KEYS) {
        float4 k[KEYS][J], v[KEYS][J];
#pragma unroll
        for (int i = 0; i < KEYS; i++) {
            const T *from = cache_row(pages, min(lo + i, last - 1)) + g * d;
#pragma unroll
            for (int j = 0; j < J; j++) {
                k[i][j] = four(from, 4 * lane + 128 * j, d, whole);
                v[i][j] = four(from + half, 4 * lane + 128 * j, d, whole);
            }
        }
#pragma unroll
        for (int h = 0; h < QUERIES; h++) {
            if (h >= n)
                break;
            float score[KEYS], now = top[h];
#pragma unroll
            for (int i = 0; i < KEYS; i++) {
                float s = 0;
#pragma unroll
                for (int j = 0; j < J; j++)
                    s += q[h][j].x * k[i][j].x + q[h][j].y * k[i][j].y + q[h][j].z * k[i][j].z + q[h][j].w * k[i][j].w;
                s = warp_sum(s) * scale;
                score[i] = lo + i < last ? s : NEGATIVE_INFINITY;
                now = fmaxf(now, score[i]);
            }
            float shrink = now == NEGATIVE_INFINITY ? 1.0f : expf(top[h] - now);
            top[h] = now;
            total[h] *= shrink;
#pragma unroll
            for (int j = 0; j < J; j++) {
                acc[h][j].x *= shrink;
                acc[h][j].y *= shrink;
                acc[h][j].z *= shrink;
                acc[h][j].w *= shrink;
            }
#pragma unroll
            for (int i = 0; i < KEYS; i++) {
                float e = lo + i >= last ? 0.0f : now == NEGATIVE_INFINITY ? score[i] : expf(score[i] - now);
                total[h] += e;
#pragma unroll
                for (int j = 0; j < J; j++) {
                    acc[h][j].x += e * v[i][j].x;
                    acc[h][j].y += e * v[i][j].y;
                    acc[h][j].z += e * v[i][j].z;
                    acc[h][j].w += e * v[i][j].w;
                }
            }
        }
    }
    long long place = ((long long)row * splits + split) * heads + head0;
#pragma unroll
    for (int h = 0; h < QUERIES; h++) {
        if (h >= n)
            break;
#pragma unroll
        for (int j = 0; j < J; j++) {
            int c = 4 * lane + 128 * j;
            float *to = part + (place + h) * d + c;
            if (c < d)
                to[0] = acc[h][j].x;
            if (c + 1 < d)
                to[1] = acc[h][j].y;
            if (c + 2 < d)
                to[2] = acc[h][j].z;
            if (c + 3 < d)
                to[3] = acc[h][j].w;
        }
        if (lane == 0) {
            peak[place + h] = top[h];
            sum[place + h] = total[h];
        }
    }
}

KERNEL __launch_bounds__(128) decode_grouped_float(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner,
                                 const int *at, int heads, int group, int d, int page, int span, long long offset, float scale) {
    if (d <= 128)
        decode_grouped<float, 1>(part, peak, sum, query, table, owner, at, heads, group, d, page, span, offset, scale);
    else
        decode_grouped<float, 2>(part, peak, sum, query, table, owner, at, heads, group, d, page, span, offset, scale);
}

KERNEL __launch_bounds__(128) decode_grouped_bf16(float *part, float *peak, float *sum, const float *query, const long long *table, const int *owner,
                                const int *at, int heads, int group, int d, int page, int span, long long offset, float scale) {
    if (d <= 128)
        decode_grouped<bf16, 1>(part, peak, sum, query, table, owner, at, heads, group, d, page, span, offset, scale);
    else
        decode_grouped<bf16, 2>(part, peak, sum, query, table, owner, at, heads, group, d, page, span, offset, scale);
}

KERNEL __launch_bounds__(128) decode_merge(float *out, bf16 *half, const float *part, const float *peak, const float *sum, int heads, int v, int splits) {
    int head = blockIdx.x, row = blockIdx.y;
    float top = NEGATIVE_INFINITY;
    for (int s = 0; s < splits; s++)
        top = fmaxf(top, peak[((long long)row * splits + s) * heads + head]);
    for (int c = threadIdx.x; c < v; c += blockDim.x) {
        float total = 0, x = 0;
        for (int s = 0; s < splits; s++) {
            long long place = ((long long)row * splits + s) * heads + head;
            float f = peak[place] == NEGATIVE_INFINITY ? (sum[place] == 0 ? 0.0f : 1.0f) : expf(peak[place] - top);
            total += sum[place] * f;
            x += part[place * v + c] * f;
        }
        long long to = ((long long)row * heads + head) * v + c;
        out[to] = x = total == 0 ? 0 : x / total;
        if (half)
            half[to] = to_bf16(x);
    }
}
