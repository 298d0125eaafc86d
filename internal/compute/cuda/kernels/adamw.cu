// AdamW (Loshchilov and Hutter, arXiv 1711.05101, Algorithm 2), with the constants of compute.AdamStep.
#include "device.h"

KERNEL __launch_bounds__(256) adamw(float *w, const float *g, float *m, float *v, double *part, float b1, float d1, float b2, float d2, float c1, float c2,
                  float eps, float keep, float rate, long long n) {
    long long first = (long long)blockIdx.x * 4096, last = min(n, first + 4096);
    double sum = 0;
    for (long long i = first + threadIdx.x; i < last; i += 256) {
        float gi = g[i], mi = b1 * m[i] + d1 * gi, vi = b2 * v[i] + d2 * gi * gi;
        m[i] = mi;
        v[i] = vi;
        float u = (mi / c1) / (sqrtf(vi / c2) + eps);
        w[i] = w[i] * keep - rate * u;
        sum += (double)u * u;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        part[blockIdx.x] = sum;
}
