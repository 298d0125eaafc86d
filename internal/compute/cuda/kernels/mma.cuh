// Tiles of bf16 in shared memory and products of them by the tensor cores. Rows of a tile lie pitch elements apart, with
// pitch = 8 mod 16, so that the 8 rows that ldmatrix reads at a time lie in different banks.
#pragma once

#include "device.h"

// left loads the 16x16 fragment of a at (row, col) as the left operand of multiply_add.
__device__ inline void left(unsigned r[4], const bf16 *a, int pitch, int row, int col) {
    int lane = lane_of();
    load_matrices(r, a + (row + lane % 16) * pitch + col + lane / 16 * 8);
}

// left_transposed does so for a tile that holds a transposed: k down, rows across.
__device__ inline void left_transposed(unsigned r[4], const bf16 *a, int pitch, int row, int col) {
    int lane = lane_of();
    load_transposed(r, a + (col + lane / 16 * 8 + lane % 8) * pitch + row + lane / 8 % 2 * 8);
}

// right_rows loads right operands of depth 16 from col on for the 16 columns of the product that are rows row.. of b: r[0]
// and r[1] belong to the first 8 of them, r[2] and r[3] to the others.
__device__ inline void right_rows(unsigned r[4], const bf16 *b, int pitch, int row, int col) {
    int lane = lane_of();
    load_matrices(r, b + (row + lane / 16 * 8 + lane % 8) * pitch + col + lane / 8 % 2 * 8);
}

// right_columns does so for the columns col.. of b, whose rows row.. are the depth.
__device__ inline void right_columns(unsigned r[4], const bf16 *b, int pitch, int row, int col) {
    int lane = lane_of();
    load_transposed(r, b + (row + lane % 16) * pitch + col + lane / 16 * 8);
}

template <int M, int N> __device__ inline void clear(float (&c)[M][N][4]) {
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int n = 0; n < N; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                c[m][n][i] = 0;
}

// product_rows computes c = a b^T for M times 16 rows of a from row on and N rows of b, over K columns. What is loaded of b
// serves all M: of one alone, shared memory gives the tensor cores half of what they can take.
template <int M, int N, int K> __device__ inline void product_rows(float (&c)[M][N / 8][4], const bf16 *a, const bf16 *b, int pitch, int row) {
    clear(c);
#pragma unroll
    for (int k = 0; k < K; k += 16) {
        unsigned x[M][4], y[4];
#pragma unroll
        for (int m = 0; m < M; m++)
            left(x[m], a, pitch, row + 16 * m, k);
#pragma unroll
        for (int n = 0; n < N; n += 16) {
            right_rows(y, b, pitch, n, k);
#pragma unroll
            for (int m = 0; m < M; m++) {
                multiply_add(c[m][n / 8], x[m], y[0], y[1]);
                multiply_add(c[m][n / 8 + 1], x[m], y[2], y[3]);
            }
        }
    }
}

// add_product computes c += p b, where p has M times 16 rows and K columns, spread over the warp as a result of multiply_add,
// and b has K rows and N columns.
template <int M, int N, int K> __device__ inline void add_product(float (&c)[M][N / 8][4], const float (&p)[M][K / 8][4], const bf16 *b, int pitch) {
#pragma unroll
    for (int k = 0; k < K; k += 16) {
        unsigned x[M][4], y[4];
#pragma unroll
        for (int m = 0; m < M; m++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                x[m][i] = pack_bf16(p[m][k / 8 + i / 2][i % 2 * 2], p[m][k / 8 + i / 2][i % 2 * 2 + 1]);
#pragma unroll
        for (int n = 0; n < N; n += 16) {
            right_columns(y, b, pitch, k, n);
#pragma unroll
            for (int m = 0; m < M; m++) {
                multiply_add(c[m][n / 8], x[m], y[0], y[1]);
                multiply_add(c[m][n / 8 + 1], x[m], y[2], y[3]);
            }
        }
    }
}

// fetch begins to copy rows [t0, t0+R) of C columns to a tile; rows from last on become zeros. All 128 threads take part.
template <int R, int C> __device__ inline void fetch(bf16 *tile, const bf16 *src, int t0, int last) {
    for (int i = threadIdx.x; i < R * (C / 8); i += 128) {
        int r = i / (C / 8), c = i % (C / 8) * 8;
        bool valid = t0 + r < last;
        copy_async(tile + r * (C + 8) + c, src + (long long)(valid ? t0 + r : 0) * C + c, valid);
    }
}

// spread writes a warp's result of M times 16 rows and N columns, times factor, to rows row.. of a float tile.
template <int M, int N> __device__ inline void spread(float *tile, int pitch, int row, const float (&c)[M][N / 8][4], float factor) {
    int r = row + lane_of() / 4, col = lane_of() % 4 * 2;
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int n = 0; n < N / 8; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                tile[(r + 16 * m + 8 * (i / 2)) * pitch + 8 * n + col + i % 2] = c[m][n][i] * factor;
}
