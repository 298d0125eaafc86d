// A few rows and their experts. A block sorts all choices at once. A product of few rows is a stream of the weights: each warp reads 4 rows
// of a matrix once, from end to end, and multiplies them by up to 8 rows of x, which lie in shared memory.
#include "decode.cuh"

#define FEW 8      // rows of x
#define COLS 4     // columns of y, rows of a matrix, of a warp
#define DEPTH 1024 // elements of a row of x at a time

template <typename T>
__device__ inline void few_rows(float *y, const T *x, int ldx, const int *rows, const T *w, const int *ends, long long stride, int out, int in) {
    __shared__ __align__(16) float some[FEW * DEPTH];
    int e = blockIdx.y, first = e > 0 ? ends[e - 1] : 0, end = ends[e];
    int lane = lane_of(), col0 = blockIdx.x * 8 * COLS + warp_of() * COLS;
    w += e * stride;
    bool whole = in % 4 == 0 && aligned16(w);
    for (int lo = first; lo < end; lo += FEW) {
        int n = min(FEW, end - lo);
        float acc[COLS][FEW];
#pragma unroll
        for (int j = 0; j < COLS; j++)
#pragma unroll
            for (int r = 0; r < FEW; r++)
                acc[j][r] = 0;
        for (int k0 = 0; k0 < in; k0 += DEPTH) {
            int depth = min(DEPTH, in - k0);
            __syncthreads();
            for (int r = 0; r < n; r++) {
                const T *from = x + (long long)(rows ? rows[lo + r] : lo + r) * ldx + k0;
                for (int c = threadIdx.x; c < DEPTH; c += 256)
                    some[r * DEPTH + c] = c < depth ? element(from + c) : 0;
            }
            __syncthreads();
            for (int c = 4 * lane; c < depth; c += 128) {
                float4 a[COLS];
#pragma unroll
                for (int j = 0; j < COLS; j++)
                    a[j] = four(w + (long long)min(col0 + j, out - 1) * in + k0, c, depth, whole);
#pragma unroll
                for (int r = 0; r < FEW; r++) {
                    if (r >= n)
                        break;
                    float4 b = four(some + r * DEPTH + c);
#pragma unroll
                    for (int j = 0; j < COLS; j++)
                        acc[j][r] += a[j].x * b.x + a[j].y * b.y + a[j].z * b.z + a[j].w * b.w;
                }
            }
        }
#pragma unroll
        for (int r = 0; r < FEW; r++) {
            if (r >= n)
                break;
#pragma unroll
            for (int j = 0; j < COLS; j++) {
                float sum = warp_sum(acc[j][r]);
                if (lane == 0 && col0 + j < out)
                    y[(long long)(lo + r) * out + col0 + j] = sum;
            }
        }
    }
}

KERNEL __launch_bounds__(256) few_rows_float(float *y, const float *x, int ldx, const int *rows, const float *w, const int *ends, long long stride, int out,
                             int in) {
    few_rows(y, x, ldx, rows, w, ends, stride, out, in);
}

KERNEL __launch_bounds__(256) few_rows_bf16(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, long long stride, int out,
                            int in) {
    few_rows(y, x, ldx, rows, w, ends, stride, out, in);
}

// The place of a choice is the number of those before it: of lower experts, or of the same one and earlier.
KERNEL __launch_bounds__(1024) few_group(const int *index, int n, int k, int experts, int *ends, int *token, int *choice, int *slot, int *load) {
    __shared__ int expert[1024];
    int i = threadIdx.x, mine = i < n ? index[i] : 0, place = 0, lower = 0, same = 0;
    expert[i] = mine;
    __syncthreads();
    for (int j = 0; j < n; j++) {
        place += expert[j] < mine || (expert[j] == mine && j < i);
        lower += expert[j] < i;
        same += expert[j] == i;
    }
    if (i < n) {
        choice[place] = i;
        token[place] = i / k;
        slot[i] = place;
    }
    if (i < experts) {
        ends[i] = lower + same;
        load[i] += same;
    }
}
