// RMSNorm. A block takes a row forwards and 16 rows backwards.
#include "device.h"

#define NORM_ROWS 16

KERNEL __launch_bounds__(1024) rmsnorm(float *y, bf16 *half, float *rstd, const float *x, int ldx, float *delta, const float *w, int width,
                                             float eps) {
    long long row = blockIdx.x;
    x += row * ldx;
    y += row * width;
    float squares = 0;
    if (delta) {
        delta += row * width;
        for (int j = threadIdx.x; j < width; j += blockDim.x) {
            float v = x[j] + delta[j];
            delta[j] = v;
            squares += v * v;
        }
        x = delta; // each thread reads what it wrote
    } else {
        for (int j = threadIdx.x; j < width; j += blockDim.x)
            squares += x[j] * x[j];
    }
    float r = 1.0f / sqrtf(block_sum(squares) / width + eps);
    if (threadIdx.x == 0)
        rstd[row] = r;
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        float v = x[j] * r * w[j];
        y[j] = v;
        if (half)
            half[row * width + j] = to_bf16(v);
    }
}

// With g = dy w and x^ = x rstd: dx += rstd (g - x^ mean(g x^)), and a partial sum of dw = dy x^ over the rows.
KERNEL __launch_bounds__(1024) rmsnorm_backward(float *dx, int lddx, bf16 *half, float *partial, const float *dy, const float *x, int ldx,
                                                      const float *w, const float *rstd, int rows, int width) {
    SHARED(float, dw);
    for (int j = threadIdx.x; j < width; j += blockDim.x)
        dw[j] = 0; // columns of a thread are its own throughout
    int first = blockIdx.x * NORM_ROWS, last = min(rows, first + NORM_ROWS);
    for (int i = first; i < last; i++) {
        const float *g = dy + (long long)i * width, *row = x + (long long)i * ldx;
        float along = 0, r = rstd[i];
        for (int j = threadIdx.x; j < width; j += blockDim.x)
            along += g[j] * w[j] * row[j];
        float c = block_sum(along) * r * r * r / width;
        float *d = dx + (long long)i * lddx;
        for (int j = threadIdx.x; j < width; j += blockDim.x) {
            float gr = g[j] * r;
            dw[j] += gr * row[j];
            float v = d[j] + (gr * w[j] - row[j] * c);
            d[j] = v;
            if (half)
                half[(long long)i * width + j] = to_bf16(v);
        }
    }
    for (int j = threadIdx.x; j < width; j += blockDim.x)
        partial[(long long)blockIdx.x * width + j] = dw[j];
}

KERNEL __launch_bounds__(1024) column_sums(float *dst, const float *partial, int rows, int width) {
    __shared__ float part[32][32];
    int j = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    if (j < width)
        for (int i = threadIdx.y; i < rows; i += 32)
            sum += partial[(long long)i * width + j];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    for (int half = 16; half > 0; half /= 2) {
        if ((int)threadIdx.y < half)
            part[threadIdx.y][threadIdx.x] += part[threadIdx.y + half][threadIdx.x];
        __syncthreads();
    }
    if (threadIdx.y == 0 && j < width)
        dst[j] += part[0][threadIdx.x];
}
