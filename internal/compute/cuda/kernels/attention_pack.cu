// What comes before and after attention: heads with their rotary embedding side by side, the gradient's dot product with
// the output, and the sum over heads of a shared rotary key's gradient.
#include "attention.cuh"

__device__ inline void store_pair(float *p, float x, float y) {
    p[0] = x;
    p[1] = y;
}
__device__ inline void store_pair(bf16 *p, float x, float y) { *reinterpret_cast<unsigned *>(p) = pack_bf16(x, y); }

template <typename T>
__device__ inline void pack(T *dst, const float *src, int ld, int stride, int nope, const float *rot, int ld_rot, int stride_rot, Turn turn, int heads, int seq,
                            int width) {
    int t = blockIdx.x, batch = blockIdx.y;
    long long row = (long long)batch * seq + t;
    src += row * ld;
    rot += row * ld_rot;
    int pairs = (width + 1) / 2;
    for (int i = threadIdx.x; i < heads * pairs; i += blockDim.x) {
        int h = i / pairs, c = 2 * (i - h * pairs);
        float v[2] = {0, 0};
        for (int k = 0; k < 2; k++) {
            int j = c + k;
            if (j < nope)
                v[k] = src[(long long)h * stride + j];
            else if (j < nope + turn.rope)
                v[k] = turned(turn, rot + (long long)h * stride_rot, j - nope, t, 1.0f);
        }
        T *p = dst + (((long long)batch * heads + h) * seq + t) * width + c;
        if (width % 2 == 0)
            store_pair(p, v[0], v[1]);
        else {
            put(p, v[0]);
            if (c + 1 < width)
                put(p + 1, v[1]);
        }
    }
}

KERNEL __launch_bounds__(256) attention_pack_float(float *dst, const float *src, int ld, int stride, int nope, const float *rot, int ld_rot, int stride_rot,
                                 int rope, const float *cos, const float *sin, int rotate_half, int heads, int seq, int width) {
    pack(dst, src, ld, stride, nope, rot, ld_rot, stride_rot, {cos, sin, rope, rotate_half}, heads, seq, width);
}

KERNEL __launch_bounds__(256) attention_pack_bf16(bf16 *dst, const float *src, int ld, int stride, int nope, const float *rot, int ld_rot, int stride_rot,
                                int rope, const float *cos, const float *sin, int rotate_half, int heads, int seq, int width) {
    pack(dst, src, ld, stride, nope, rot, ld_rot, stride_rot, {cos, sin, rope, rotate_half}, heads, seq, width);
}

KERNEL __launch_bounds__(256) attention_delta(float *delta, const float *out, const float *dout, int heads, int seq, int v) {
    int t = blockIdx.x, batch = blockIdx.y;
    long long row = ((long long)batch * seq + t) * heads * v;
    for (int h = warp_of(); h < heads; h += block_threads() / 32) {
        float sum = 0;
        for (int j = lane_of(); j < v; j += 32)
            sum += out[row + h * v + j] * dout[row + h * v + j];
        sum = warp_sum(sum);
        if (lane_of() == 0)
            delta[((long long)batch * heads + h) * seq + t] = sum;
    }
}

KERNEL __launch_bounds__(256) attention_sum_rope(float *dkrope, int ld, const float *parts, int batch, int heads, int seq, int rope) {
    long long i = first_element();
    if (i >= (long long)batch * seq * rope)
        return;
    int j = i % rope;
    long long row = i / rope, b = row / seq, t = row % seq;
    float sum = dkrope[row * ld + j];
    for (int h = 0; h < heads; h++)
        sum += parts[((b * heads + h) * seq + t) * rope + j];
    dkrope[row * ld + j] = sum;
}
