// Products of each expert's rows with its own matrix on tensor cores: float in memory, bf16 operands, float sums. A block of
// 8 warps makes tiles of 128 x 128, a warp 64 x 32 of it. While a slice of depth 32 is multiplied, the next one is on its
// way through registers to the other half of shared memory.
#include "grouped.cuh"
#include "mma.cuh"

#define TILE 128
#define DEPTH 32

// Operand is a matrix of rows x cols, rows ld apart; where list is given, row i is row list[i] of what p points at.
struct Operand {
    const float *p;
    long long ld;
    const int *list;
    int rows, cols;
};

// Slice is a thread's share of R x C elements (R*C = 4096): 4 times 4 neighbours.
struct Slice {
    float4 v[4];
};

template <int C> __device__ inline void read(Slice &s, Operand o, int row0, int col0, bool wide) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int at = threadIdx.x + 256 * i, r = row0 + at / (C / 4), c = col0 + at % (C / 4) * 4;
        s.v[i] = make_float4(0, 0, 0, 0);
        if (r >= o.rows || c >= o.cols)
            continue;
        const float *p = o.p + (o.list ? o.list[r] : r) * o.ld + c;
        if (wide)
            s.v[i] = *reinterpret_cast<const float4 *>(p);
        else {
            s.v[i].x = p[0];
            if (c + 1 < o.cols)
                s.v[i].y = p[1];
            if (c + 2 < o.cols)
                s.v[i].z = p[2];
            if (c + 3 < o.cols)
                s.v[i].w = p[3];
        }
    }
}

template <int C> __device__ inline void write(bf16 *tile, const Slice &s) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        int at = threadIdx.x + 256 * i, r = at / (C / 4), c = at % (C / 4) * 4;
        *reinterpret_cast<uint2 *>(tile + r * (C + 8) + c) = make_uint2(pack_bf16(s.v[i].x, s.v[i].y), pack_bf16(s.v[i].z, s.v[i].w));
    }
}

// next reads the slice at depth k0: DEPTH rows of an operand that lies by depth, DEPTH columns of one that does not.
template <bool BY_DEPTH> __device__ inline void next(Slice &s, Operand o, int first, int k0, bool wide) {
    if (BY_DEPTH)
        read<TILE>(s, o, k0, first, wide);
    else
        read<DEPTH>(s, o, first, k0, wide);
}

template <bool BY_DEPTH> __device__ inline void keep(bf16 *tile, const Slice &s) { write<BY_DEPTH ? TILE : DEPTH>(tile, s); }

#define SLICE_ELEMENTS (TILE * (DEPTH + 8)) // of the larger layout

// multiply computes the tile at (row0, col0) of the product over depth. a is rows x depth, or depth x rows where A_BY_DEPTH
// is set; b is cols x depth, or depth x cols.
template <bool A_BY_DEPTH, bool B_BY_DEPTH>
__device__ inline void multiply(float (&acc)[4][4][4], Operand a, Operand b, int row0, int col0, int depth, bf16 *as, bf16 *bs) {
    int warp_row = warp_of() / 4 * 64, warp_col = warp_of() % 4 * 32;
    bool wide_a = a.ld % 4 == 0 && a.cols % 4 == 0 && aligned16(a.p), wide_b = b.ld % 4 == 0 && b.cols % 4 == 0 && aligned16(b.p);
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int n = 0; n < 4; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                acc[m][n][i] = 0;
    Slice sa, sb;
    next<A_BY_DEPTH>(sa, a, row0, 0, wide_a);
    next<B_BY_DEPTH>(sb, b, col0, 0, wide_b);
    keep<A_BY_DEPTH>(as, sa);
    keep<B_BY_DEPTH>(bs, sb);
    __syncthreads();
    int half = 0;
    for (int k0 = 0; k0 < depth; k0 += DEPTH, half ^= 1) {
        bool more = k0 + DEPTH < depth;
        if (more) {
            next<A_BY_DEPTH>(sa, a, row0, k0 + DEPTH, wide_a);
            next<B_BY_DEPTH>(sb, b, col0, k0 + DEPTH, wide_b);
        }
        __syncwarp(); // the edges of the slices part the lanes, and the instructions below want them together
        const bf16 *at = as + half * SLICE_ELEMENTS, *bt = bs + half * SLICE_ELEMENTS;
#pragma unroll
        for (int k = 0; k < DEPTH; k += 16) {
            unsigned y[2][4];
#pragma unroll
            for (int n = 0; n < 2; n++)
                if (B_BY_DEPTH)
                    right_columns(y[n], bt, TILE + 8, k, warp_col + 16 * n);
                else
                    right_rows(y[n], bt, DEPTH + 8, warp_col + 16 * n, k);
#pragma unroll
            for (int m = 0; m < 4; m++) {
                unsigned x[4];
                if (A_BY_DEPTH)
                    left_transposed(x, at, TILE + 8, warp_row + 16 * m, k);
                else
                    left(x, at, DEPTH + 8, warp_row + 16 * m, k);
#pragma unroll
                for (int n = 0; n < 4; n++)
                    multiply_add(acc[m][n], x, y[n / 2][n % 2 * 2], y[n / 2][n % 2 * 2 + 1]);
            }
        }
        if (more) {
            keep<A_BY_DEPTH>(as + (half ^ 1) * SLICE_ELEMENTS, sa);
            keep<B_BY_DEPTH>(bs + (half ^ 1) * SLICE_ELEMENTS, sb);
        }
        __syncthreads();
    }
}

// store writes the tile to rows below rows and columns below cols of p, or adds to what is there times beta.
__device__ inline void store(float *p, long long ld, const float (&acc)[4][4][4], int row0, int col0, int rows, int cols, float beta) {
    int row = row0 + warp_of() / 4 * 64 + lane_of() / 4, col = col0 + warp_of() % 4 * 32 + lane_of() % 4 * 2;
    bool pairs = ld % 2 == 0 && aligned16(p);
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int r = row + 16 * m + 8 * h;
            if (r >= rows)
                continue;
#pragma unroll
            for (int n = 0; n < 4; n++) {
                int c = col + 8 * n;
                float *q = p + r * ld + c;
                float2 v = make_float2(acc[m][n][2 * h], acc[m][n][2 * h + 1]);
                if (pairs && c + 1 < cols) {
                    if (beta != 0) {
                        float2 old = *reinterpret_cast<float2 *>(q);
                        v.x += beta * old.x;
                        v.y += beta * old.y;
                    }
                    *reinterpret_cast<float2 *>(q) = v;
                    continue;
                }
                if (c < cols)
                    q[0] = v.x + (beta != 0 ? beta * q[0] : 0.0f);
                if (c + 1 < cols)
                    q[1] = v.y + (beta != 0 ? beta * q[1] : 0.0f);
            }
        }
}

template <bool NN>
__device__ inline void grouped(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride, int out, int in) {
    __shared__ __align__(16) bf16 as[2 * SLICE_ELEMENTS];
    __shared__ __align__(16) bf16 bs[2 * SLICE_ELEMENTS];
    __shared__ int last[MOST_EXPERTS];
    count_tiles<TILE>(last, ends, experts);
    int across = (out + TILE - 1) / TILE, tiles = last[experts - 1] * across;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        int e = find_expert(last, experts, tile / across);
        int first = e > 0 ? ends[e - 1] : 0, row0 = (tile / across - (e > 0 ? last[e - 1] : 0)) * TILE, col0 = tile % across * TILE;
        int n = ends[e] - first;
        Operand a = {rows ? x : x + (long long)first * in, in, rows ? rows + first : nullptr, n, in};
        Operand b = {w + e * stride, NN ? out : in, nullptr, NN ? in : out, NN ? out : in};
        float acc[4][4][4];
        multiply<false, NN>(acc, a, b, row0, col0, in, as, bs);
        store(y + (long long)first * out, out, acc, row0, col0, n, out, 0);
    }
}

KERNEL __launch_bounds__(256) grouped_gemm_bf16_nt(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride,
                                 int out, int in) {
    grouped<false>(y, x, rows, w, ends, experts, stride, out, in);
}

KERNEL __launch_bounds__(256) grouped_gemm_bf16_nn(float *y, const float *x, const int *rows, const float *w, const int *ends, int experts, long long stride,
                                 int out, int in) {
    grouped<true>(y, x, rows, w, ends, experts, stride, out, in);
}

KERNEL __launch_bounds__(256) grouped_weights_bf16(float *dw, const float *dy, const int *dy_rows, const float *x, const int *x_rows, const int *ends,
                                 long long stride, int out, int in, float beta) {
    __shared__ __align__(16) bf16 as[2 * SLICE_ELEMENTS];
    __shared__ __align__(16) bf16 bs[2 * SLICE_ELEMENTS];
    int e = blockIdx.z, first = e > 0 ? ends[e - 1] : 0, depth = ends[e] - first;
    Operand a = {dy_rows ? dy : dy + (long long)first * out, out, dy_rows ? dy_rows + first : nullptr, depth, out};
    Operand b = {x_rows ? x : x + (long long)first * in, in, x_rows ? x_rows + first : nullptr, depth, in};
    float acc[4][4][4];
    multiply<true, true>(acc, a, b, blockIdx.y * TILE, blockIdx.x * TILE, depth, as, bs);
    store(dw + e * stride, in, acc, blockIdx.y * TILE, blockIdx.x * TILE, out, in, beta);
}
