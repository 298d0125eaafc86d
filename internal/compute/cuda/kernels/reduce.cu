// Sums of squares in double, in a fixed tree: blocks of 4096 elements, then one block over their sums.
#include "device.h"

#define PART 4096

KERNEL __launch_bounds__(256) sum_squares(double *part, const float *x, long long n) {
    long long first = (long long)blockIdx.x * PART, last = min(n, first + PART);
    double sum = 0;
    for (long long i = first + threadIdx.x; i < last; i += 256)
        sum += (double)x[i] * x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        part[blockIdx.x] = sum;
}

KERNEL __launch_bounds__(256) sum_parts(double *out, const double *part, int n) {
    part += (long long)blockIdx.x * n;
    double sum = 0;
    for (int i = threadIdx.x; i < n; i += 256)
        sum += part[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0)
        out[blockIdx.x] = sum;
}

KERNEL inverse_norms(float *out, const double *sum, int batch, float eps) {
    int b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b < batch)
        out[b] = (float)(1.0 / (sqrt(sum[b]) + eps));
}
