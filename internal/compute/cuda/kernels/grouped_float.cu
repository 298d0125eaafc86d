// Products of each expert's rows with its own matrix, in float32. A block makes tiles of 64 x 64; a thread 4 x 4 of it.
#include "grouped.cuh"

#define TILE 64
#define DEPTH 16

// Operand is one side of a tile's product. The element at (row, k) is at p[row*row_step + k*k_step], or, where list is
// given, in the row of the underlying matrix that list[..] names: by row, or by k where by_depth is set.
struct Operand {
    const float *p;
    long long row_step, k_step;
    const int *list;
    int rows, by_depth;
};

__device__ inline float element(Operand o, int row, int k) {
    if (o.list && o.by_depth)
        return o.p[row * o.row_step + o.list[k] * o.k_step];
    if (o.list)
        return o.p[o.list[row] * o.row_step + k * o.k_step];
    return o.p[row * o.row_step + k * o.k_step];
}

// load fills a tile of DEPTH x TILE, zeros beyond the edges. Threads run along what lies side by side in memory.
__device__ inline void load(float (*tile)[TILE + 4], Operand o, int row0, int k0, int depth) {
    for (int i = threadIdx.x; i < TILE * DEPTH; i += 256) {
        int r = o.row_step == 1 ? i % TILE : i / DEPTH, k = o.row_step == 1 ? i / TILE : i % DEPTH;
        tile[k][r] = row0 + r < o.rows && k0 + k < depth ? element(o, row0 + r, k0 + k) : 0;
    }
}

// multiply computes one tile of a b^T over depth into acc.
__device__ inline void multiply(float acc[4][4], Operand a, Operand b, int row0, int col0, int depth) {
    __shared__ float as[DEPTH][TILE + 4], bs[DEPTH][TILE + 4];
    int y = threadIdx.x / 16 * 4, x = threadIdx.x % 16 * 4;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            acc[i][j] = 0;
    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
        __syncthreads();
        load(as, a, row0, k0, depth);
        load(bs, b, col0, k0, depth);
        __syncthreads();
        for (int k = 0; k < DEPTH; k++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    acc[i][j] += as[k][y + i] * bs[k][x + j];
    }
}

__device__ inline void grouped(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride, int out, int in,
                               bool nt) {
    __shared__ int last[MOST_EXPERTS];
    count_tiles<TILE>(last, ends, experts);
    int across = (out + TILE - 1) / TILE, tiles = last[experts - 1] * across;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        int e = find_expert(last, experts, tile / across);
        int first = e > 0 ? ends[e - 1] : 0, row0 = (tile / across - (e > 0 ? last[e - 1] : 0)) * TILE, col0 = tile % across * TILE;
        int n = ends[e] - first;
        Operand a = {rows ? x : x + (long long)first * in, in, 1, rows ? rows + first : nullptr, n, 0};
        Operand b = {w + e * stride, nt ? in : 1, nt ? 1 : out, nullptr, out, 0};
        float acc[4][4];
        multiply(acc, a, b, row0, col0, in);
        int i0 = row0 + threadIdx.x / 16 * 4, j0 = col0 + threadIdx.x % 16 * 4;
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                if (i0 + i < n && j0 + j < out)
                    y[(long long)(first + i0 + i) * out + j0 + j] = acc[i][j];
    }
}

KERNEL __launch_bounds__(256, 2) grouped_gemm_float_nt(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride,
                                  int out, int in) {
    grouped(y, x, rows, w, ends, experts, stride, out, in, true);
}

KERNEL __launch_bounds__(256, 2) grouped_gemm_float_nn(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride,
                                  int out, int in) {
    grouped(y, x, rows, w, ends, experts, stride, out, in, false);
}

KERNEL __launch_bounds__(256, 2) grouped_weights_float(float *dw, const float *dy, const int *dy_rows, const float *x, const int *x_rows, const int *ends,
                                  long long stride, int out, int in, float beta) {
    int e = blockIdx.z, first = e > 0 ? ends[e - 1] : 0, depth = ends[e] - first;
    Operand a = {dy_rows ? dy : dy + (long long)first * out, 1, out, dy_rows ? dy_rows + first : nullptr, out, 1};
    Operand b = {x_rows ? x : x + (long long)first * in, 1, in, x_rows ? x_rows + first : nullptr, in, 1};
    float acc[4][4];
    multiply(acc, a, b, blockIdx.y * TILE, blockIdx.x * TILE, depth);
    dw += e * stride;
    int i0 = blockIdx.y * TILE + threadIdx.x / 16 * 4, j0 = blockIdx.x * TILE + threadIdx.x % 16 * 4;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            if (i0 + i < out && j0 + j < in) {
                float *p = dw + (long long)(i0 + i) * in + j0 + j;
                *p = acc[i][j] + (beta != 0 ? beta * *p : 0.0f);
            }
}
