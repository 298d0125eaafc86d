// Attention of one new token of each sequence over a paged cache of latent rows (multi-head latent attention with
// kv_b_proj absorbed: DeepSeek-V2, section 2.1.3). A block takes 8 heads and a share of the pages, 16 rows at a time;
// decode_merge joins the shares.
#include "device.h"

#define HEADS 8
#define ROWS 16
#define MOST 576 // columns of a row
#define OWN ((MOST + 127) / 128)

__device__ inline float element(const float *p) { return *p; }
__device__ inline float element(const bf16 *p) { return bf16_to_float(*p); }

template <typename T>
__device__ inline void decode(float *part, float *peak, float *sum, const float *query, const T *cache, const int *table, const int *lens, int heads, int d,
                              int v, int width, int page, int max_pages, float scale) {
    SHARED(float, shared);
    float *q = shared, *key = q + HEADS * d, *p = key + ROWS * (d + 1); // p: HEADS x (ROWS+1)
    int tid = threadIdx.x, split = blockIdx.x, head0 = blockIdx.y * HEADS, b = blockIdx.z;
    int len = lens[b], pages = (len + page - 1) / page, share = (pages + gridDim.x - 1) / gridDim.x;
    int first = min(len, split * share * page), last = min(len, (split + 1) * share * page);
    for (int i = tid; i < HEADS * d; i += 128)
        q[i] = head0 + i / d < heads ? query[((long long)b * heads + head0) * d + i] * scale : 0;
    float acc[HEADS][OWN];
    for (int h = 0; h < HEADS; h++)
        for (int j = 0; j < OWN; j++)
            acc[h][j] = 0;
    float top = NEGATIVE_INFINITY, total = 0; // of head tid/16, equal in its 16 threads
    for (int lo = first; lo < last; lo += ROWS) {
        __syncthreads();
        for (int i = tid; i < ROWS * d; i += 128) {
            int r = i / d, c = i - r * d, t = lo + r;
            float x = 0;
            if (t < last)
                x = element(cache + ((long long)table[(long long)b * max_pages + t / page] * page + t % page) * width + c);
            key[r * (d + 1) + c] = x;
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
        for (int hh = 0; hh < HEADS; hh++) {
            float f = p[hh * (ROWS + 1) + ROWS];
            for (int j = 0; j < OWN; j++) {
                int c = tid + 128 * j;
                if (c >= v)
                    break;
                float x = acc[hh][j] * f;
                for (int k = 0; k < ROWS; k++)
                    x += p[hh * (ROWS + 1) + k] * key[k * (d + 1) + c];
                acc[hh][j] = x;
            }
        }
    }
    long long at = ((long long)b * gridDim.x + split) * heads + head0;
    for (int h = 0; h < HEADS && head0 + h < heads; h++)
        for (int j = 0; j < OWN; j++)
            if (tid + 128 * j < v)
                part[(at + h) * v + tid + 128 * j] = acc[h][j];
    if (tid % ROWS == 0 && head0 + tid / ROWS < heads) {
        peak[at + tid / ROWS] = top;
        sum[at + tid / ROWS] = total;
    }
}

KERNEL __launch_bounds__(128) decode_float(float *part, float *peak, float *sum, const float *query, const float *cache, const int *table, const int *lens,
                         int heads, int d, int v, int width, int page, int max_pages, float scale) {
    decode(part, peak, sum, query, cache, table, lens, heads, d, v, width, page, max_pages, scale);
}

KERNEL __launch_bounds__(128) decode_bf16(float *part, float *peak, float *sum, const float *query, const bf16 *cache, const int *table, const int *lens,
                        int heads, int d, int v, int width, int page, int max_pages, float scale) {
    decode(part, peak, sum, query, cache, table, lens, heads, d, v, width, page, max_pages, scale);
}

KERNEL __launch_bounds__(128) decode_merge(float *out, const float *part, const float *peak, const float *sum, int heads, int v, int splits) {
    int head = blockIdx.x, b = blockIdx.y;
    float top = NEGATIVE_INFINITY;
    for (int s = 0; s < splits; s++)
        top = fmaxf(top, peak[((long long)b * splits + s) * heads + head]);
    for (int c = threadIdx.x; c < v; c += blockDim.x) {
        float total = 0, x = 0;
        for (int s = 0; s < splits; s++) {
            long long at = ((long long)b * splits + s) * heads + head;
            float f = peak[at] == NEGATIVE_INFINITY ? (sum[at] == 0 ? 0.0f : 1.0f) : expf(peak[at] - top);
            total += sum[at] * f;
            x += part[at * v + c] * f;
        }
        out[((long long)b * heads + head) * v + c] = x / total;
    }
}
