// The keys and values of new tokens, rotated and put into the pages of their sequences. A block takes a token.
#include "decode.cuh"

template <typename T>
__device__ inline void keep_latent(const long long *table, const int *owner, const int *at, const float *kv, const float *w, float eps, const float *q,
                                   float *query, bf16 *half_q, const float *cos, const float *sin, int heads, int nope, int rope, int rank, int page, int span,
                                   long long offset) {
    int row = blockIdx.x, t = at[row], half = rope / 2, columns = heads * (nope + rope);
    for (int c = threadIdx.x; c < columns && half_q; c += blockDim.x)
        half_q[(long long)row * columns + c] = to_bf16(q[(long long)row * columns + c]);
    if (t < 0)
        return;
    T *to = cache_row(Pages<T>{table + (long long)owner[row] * span, page, rank + rope, offset}, t);
    kv += (long long)row * (rank + rope);
    cos += (long long)t * half;
    sin += (long long)t * half;
    float squares = 0;
    for (int c = threadIdx.x; c < rank; c += blockDim.x)
        squares += kv[c] * kv[c];
    float r = 1.0f / sqrtf(block_sum(squares) / rank + eps);
    for (int c = threadIdx.x; c < rank; c += blockDim.x)
        put(to + c, kv[c] * r * w[c]);
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        float a = kv[rank + 2 * i], b = kv[rank + 2 * i + 1];
        put(to + rank + 2 * i, a * cos[i] - b * sin[i]);
        put(to + rank + 2 * i + 1, a * sin[i] + b * cos[i]);
    }
    if (!q)
        return;
    for (int j = threadIdx.x; j < heads * half; j += blockDim.x) {
        int h = j / half, i = j - h * half;
        const float *src = q + ((long long)row * heads + h) * (nope + rope) + nope + 2 * i;
        float *dst = query + ((long long)row * heads + h) * (rank + rope) + rank + 2 * i;
        dst[0] = src[0] * cos[i] - src[1] * sin[i];
        dst[1] = src[0] * sin[i] + src[1] * cos[i];
    }
}

KERNEL __launch_bounds__(256) keep_latent_float(const long long *table, const int *owner, const int *at, const float *kv, const float *w, float eps,
                              const float *q, float *query, bf16 *half_q, const float *cos, const float *sin, int heads, int nope, int rope, int rank, int page,
                              int span, long long offset) {
    keep_latent<float>(table, owner, at, kv, w, eps, q, query, half_q, cos, sin, heads, nope, rope, rank, page, span, offset);
}

KERNEL __launch_bounds__(256) keep_latent_bf16(const long long *table, const int *owner, const int *at, const float *kv, const float *w, float eps,
                             const float *q, float *query, bf16 *half_q, const float *cos, const float *sin, int heads, int nope, int rope, int rank, int page,
                             int span, long long offset) {
    keep_latent<bf16>(table, owner, at, kv, w, eps, q, query, half_q, cos, sin, heads, nope, rope, rank, page, span, offset);
}

template <typename T>
__device__ inline void keep_grouped(const long long *table, const int *owner, const int *at, float *q, const float *k, const float *v, const float *cos,
                                    const float *sin, int heads, int groups, int d, int page, int span, long long offset) {
    int row = blockIdx.x, t = at[row], half = d / 2, width = groups * d;
    if (t < 0)
        return;
    T *to = cache_row(Pages<T>{table + (long long)owner[row] * span, page, 2 * width, offset}, t);
    k += (long long)row * width;
    v += (long long)row * width;
    cos += (long long)t * half;
    sin += (long long)t * half;
    for (int j = threadIdx.x; j < groups * half; j += blockDim.x) {
        int g = j / half, i = j - g * half;
        float a = k[g * d + i], b = k[g * d + half + i];
        put(to + g * d + i, a * cos[i] - b * sin[i]);
        put(to + g * d + half + i, a * sin[i] + b * cos[i]);
    }
    for (int c = threadIdx.x; c < width; c += blockDim.x)
        put(to + width + c, v[c]);
    if (!q)
        return;
    q += (long long)row * heads * d;
    for (int j = threadIdx.x; j < heads * half; j += blockDim.x) {
        int h = j / half, i = j - h * half;
        float a = q[h * d + i], b = q[h * d + half + i];
        q[h * d + i] = a * cos[i] - b * sin[i];
        q[h * d + half + i] = a * sin[i] + b * cos[i];
    }
}

KERNEL __launch_bounds__(256) keep_grouped_float(const long long *table, const int *owner, const int *at, float *q, const float *k, const float *v,
                               const float *cos, const float *sin, int heads, int groups, int d, int page, int span, long long offset) {
    keep_grouped<float>(table, owner, at, q, k, v, cos, sin, heads, groups, d, page, span, offset);
}

KERNEL __launch_bounds__(256) keep_grouped_bf16(const long long *table, const int *owner, const int *at, float *q, const float *k, const float *v,
                              const float *cos, const float *sin, int heads, int groups, int d, int page, int span, long long offset) {
    keep_grouped<bf16>(table, owner, at, q, k, v, cos, sin, heads, groups, d, page, span, offset);
}
