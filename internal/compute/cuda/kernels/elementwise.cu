// Passes over memory that touch each element once.
#include "device.h"

KERNEL add(float *dst, const float *src, long long n) {
    long long i = first_element();
    if (aligned16(dst) && aligned16(src)) {
        for (; i < n / 4; i += element_step()) {
            float4 d = reinterpret_cast<float4 *>(dst)[i], s = reinterpret_cast<const float4 *>(src)[i];
            d.x += s.x, d.y += s.y, d.z += s.z, d.w += s.w;
            reinterpret_cast<float4 *>(dst)[i] = d;
        }
        i = n / 4 * 4 + first_element();
    }
    for (; i < n; i += element_step())
        dst[i] += src[i];
}

KERNEL scale(float *dst, const float *src, float a, long long n) {
    for (long long i = first_element(); i < n; i += element_step())
        dst[i] = a * src[i];
}

KERNEL cast_bf16(bf16 *dst, const float *src, long long n) {
    long long i = first_element();
    if (aligned16(dst) && aligned16(src)) {
        for (; i < n / 4; i += element_step()) {
            float4 s = reinterpret_cast<const float4 *>(src)[i];
            reinterpret_cast<uint2 *>(dst)[i] = make_uint2(pack_bf16(s.x, s.y), pack_bf16(s.z, s.w));
        }
        i = n / 4 * 4 + first_element();
    }
    for (; i < n; i += element_step())
        dst[i] = to_bf16(src[i]);
}

// The end of a row comes first: what is written there lies behind what is still to be read.
KERNEL __launch_bounds__(1024) widen(float *x, int width) {
    x += (long long)blockIdx.x * width;
    const bf16 *half = reinterpret_cast<const bf16 *>(x);
    for (int first = (width - 1) / (int)blockDim.x * (int)blockDim.x; first >= 0; first -= blockDim.x) {
        int j = first + threadIdx.x;
        float v = j < width ? bf16_to_float(half[j]) : 0;
        __syncthreads();
        if (j < width)
            x[j] = v;
    }
}

KERNEL add_diagonal(float *x, float a, int n, int ld, long long stride) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        x[blockIdx.y * stride + (long long)i * ld + i] += a;
}
