// QK-Clip (Kimi K2, arXiv 2507.20534, Algorithm 1) without the host: each block derives gamma from the head's largest
// logit. Heads at or below the threshold keep their weights bit for bit.
#include "device.h"

// clip_gamma is optim.QKClip's gamma: 1 for NaN, which says that the forward pass broke.
__device__ inline float clip_gamma(float s, float tau, float inf_gamma) {
    if (s == INFINITY)
        return inf_gamma;
    return s > tau ? tau / s : 1.0f;
}

__device__ inline void scale_row(float *row, int cols, float factor) {
    for (int j = threadIdx.x; j < cols; j += blockDim.x)
        row[j] *= factor;
}

KERNEL __launch_bounds__(128) qk_clip_latent(float *q, float *kvb, const float *max_logit, int nope, int rope, int v, int q_cols, int kv_cols, float tau,
                           float alpha, float inf_gamma) {
    int i = blockIdx.x;
    long long head = blockIdx.y;
    float gamma = clip_gamma(max_logit[head], tau, inf_gamma);
    if (gamma == 1.0f)
        return;
    if (i < nope + rope)
        scale_row(q + (head * (nope + rope) + i) * q_cols, q_cols, i < nope ? powf(gamma, alpha) : gamma);
    else
        scale_row(kvb + (head * (nope + v) + i - nope - rope) * kv_cols, kv_cols, powf(gamma, 1 - alpha));
}

// The key takes what all heads of its group need; each query takes the rest of its own gamma.
KERNEL __launch_bounds__(128) qk_clip_grouped(float *q, float *k, const float *max_logit, int heads, int kv_heads, int dim, int cols, float tau, float alpha,
                            float inf_gamma) {
    int group = heads / kv_heads, head = blockIdx.y;
    bool query = head < heads;
    int kv = query ? head / group : head - heads;
    float most = 0;
    for (int h = kv * group; h < (kv + 1) * group; h++)
        most = fmaxf(most, clip_gamma(max_logit[h], tau, inf_gamma));
    float key = powf(most, 1 - alpha);
    float factor = query ? clip_gamma(max_logit[head], tau, inf_gamma) / key : key;
    if (factor == 1.0f)
        return;
    if (query)
        scale_row(q + ((long long)head * dim + blockIdx.x) * cols, cols, factor);
    else
        scale_row(k + ((long long)kv * dim + blockIdx.x) * cols, cols, factor);
}

KERNEL max_logit_merge(float *total, float *current, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    float a = total[i], b = current[i];
    if (b > a || b != b)
        total[i] = b;
    current[i] = NEGATIVE_INFINITY;
}
