// Copies and sums of whole rows. A warp takes a row.
#include "device.h"

// copy_row copies width floats by one warp.
__device__ inline void copy_row(float *dst, const float *src, int width) {
    int lane = threadIdx.x;
    if (width % 4 == 0 && aligned16(dst) && aligned16(src)) {
        for (int j = lane; j < width / 4; j += 32)
            reinterpret_cast<float4 *>(dst)[j] = reinterpret_cast<const float4 *>(src)[j];
        return;
    }
    for (int j = lane; j < width; j += 32)
        dst[j] = src[j];
}

KERNEL gather(float *dst, const float *src, const int *rows, int n, int width) {
    int i = blockIdx.x * 8 + threadIdx.y;
    if (i < n)
        copy_row(dst + (long long)i * width, src + (long long)rows[i] * width, width);
}

KERNEL gather_narrow(float *dst, const float *src, const int *rows, int n, int width) {
    for (long long i = first_element(); i < (long long)n * width; i += element_step())
        dst[i] = src[(long long)rows[i / width] * width + i % width];
}

KERNEL combine(float *dst, const float *src, const int *slot, const float *w, int tokens, int k, int width) {
    int t = blockIdx.x * 8 + threadIdx.y;
    if (t >= tokens)
        return;
    slot += (long long)t * k;
    dst += (long long)t * width;
    for (int c = threadIdx.x; c < width; c += 32) {
        float sum = dst[c];
        for (int j = 0; j < k; j++) {
            float x = src[(long long)slot[j] * width + c];
            sum += w ? w[(long long)t * k + j] * x : x;
        }
        dst[c] = sum;
    }
}

// The block at the first of equal ids adds up all of them in the order of their positions.
KERNEL embed_backward(float *dtable, const float *dout, const int *ids, const int *order, int n, int width) {
    int i = blockIdx.x, id = ids[i], c = blockIdx.y * 128 + threadIdx.x;
    if (c >= width || (i > 0 && ids[i - 1] == id))
        return;
    float sum = 0;
    for (; i < n && ids[i] == id; i++)
        sum += dout[(long long)order[i] * width + c];
    dtable[(long long)id * width + c] += sum;
}

// A thread has its columns to itself: those of all heads where dst is one vector for all.
KERNEL add_heads(float *dst, int ld_dst, int stride_dst, const float *src, int ld_src, int stride_src, int heads, int width) {
    dst += (long long)blockIdx.x * ld_dst;
    src += (long long)blockIdx.x * ld_src;
    if (stride_dst == 0) {
        for (int j = threadIdx.x; j < width; j += blockDim.x) {
            float sum = dst[j];
            for (int h = 0; h < heads; h++)
                sum += src[h * stride_src + j];
            dst[j] = sum;
        }
        return;
    }
    for (int i = threadIdx.x; i < heads * width; i += blockDim.x) {
        int h = i / width, j = i - h * width;
        dst[h * stride_dst + j] += src[h * stride_src + j];
    }
}
