// Products of each expert's rows with its own matrix on tensor cores: bf16 operands, float sums and results. A block of 4 warps
// makes tiles of 128 columns and 128 rows, 64 x 64 a warp, which reads half as much shared memory for a product as 64 x 32.
// Where an expert has no more than 64 rows left the tile has 64: it then takes no longer than its matrix takes to arrive.
// Slices of depth 32 go through three places in shared memory, the copies being up to two slices ahead.
#include "grouped.cuh"
#include "mma.cuh"

#define TILE 128
#define DEPTH 32
#define STAGES 3
#define SLICE (TILE * (DEPTH + 8)) // elements of a slice of one operand, in the larger of the two layouts

// Operand is a matrix of rows x cols, rows ld apart; where list is given, row i is row list[i] of what p points at. wide says
// that all its rows are made of aligned 16 bytes.
struct Operand {
    const bf16 *p;
    long long ld;
    const int *list;
    int rows, cols;
    bool wide;
};

__device__ inline Operand operand(const bf16 *p, long long ld, const int *list, int rows, int cols) {
    return {p, ld, list, rows, cols, ld % 8 == 0 && cols % 8 == 0 && aligned16(p)};
}

// Share is the rows that a thread's part of R x C elements, groups of 8 neighbours, comes from; -1 beyond the edges.
template <int R, int C> struct Share {
    int row[R * C / 1024];
};

template <int R, int C> __device__ inline void find(Share<R, C> &s, Operand o, int row0, int col0) {
#pragma unroll
    for (int i = 0; i < R * C / 1024; i++) {
        int at = threadIdx.x + 128 * i, r = row0 + at / (C / 8), c = col0 + at % (C / 8) * 8;
        s.row[i] = r >= o.rows || c >= o.cols ? -1 : o.list ? o.list[r] : r;
    }
}

// copy begins to bring a share to its tile, with zeros beyond the edges.
template <int R, int C> __device__ inline void copy(bf16 *tile, const Share<R, C> &s, Operand o, int col0) {
#pragma unroll
    for (int i = 0; i < R * C / 1024; i++) {
        int at = threadIdx.x + 128 * i, c = at % (C / 8) * 8;
        bool valid = s.row[i] >= 0;
        bf16 *to = tile + at / (C / 8) * (C + 8) + c;
        const bf16 *p = o.p + (valid ? s.row[i] * o.ld + col0 + c : 0);
        if (o.wide)
            copy_async(to, p, valid);
        else
            for (int j = 0; j < 8; j++)
                to[j] = valid && col0 + c + j < o.cols ? p[j] : (bf16)0;
    }
}

// Side is one side of a product: WIDTH rows (or columns of the result) by depth, or, where BY_DEPTH is set, depth by WIDTH.
template <int WIDTH, bool BY_DEPTH> struct Side {
    Share<BY_DEPTH ? DEPTH : WIDTH, BY_DEPTH ? WIDTH : DEPTH> share;
    Operand o;
    int first;
};

template <int WIDTH, bool BY_DEPTH> __device__ inline void find(Side<WIDTH, BY_DEPTH> &s, int k0) {
    find(s.share, s.o, BY_DEPTH ? k0 : s.first, BY_DEPTH ? s.first : k0);
}

template <int WIDTH, bool BY_DEPTH> __device__ inline void copy(bf16 *tile, const Side<WIDTH, BY_DEPTH> &s, int k0) {
    copy(tile, s.share, s.o, BY_DEPTH ? s.first : k0);
}

// HEIGHT is 128 or 64: the warps lie 2 x 2 or side by side, and a warp's columns are half as many as the tile's rows.
template <int HEIGHT> __device__ inline int warp_row() { return HEIGHT == TILE ? warp_of() / 2 * 64 : 0; }
template <int HEIGHT> __device__ inline int warp_col() { return HEIGHT == TILE ? warp_of() % 2 * 64 : warp_of() * 32; }

// step multiplies 16 of a slice's depth from k on.
template <int HEIGHT, bool A_BY_DEPTH, bool B_BY_DEPTH>
__device__ inline void step(float (&acc)[4][HEIGHT / 16][4], const bf16 *a, const bf16 *b, int k) {
    unsigned y[HEIGHT / 32][4];
#pragma unroll
    for (int n = 0; n < HEIGHT / 32; n++)
        if (B_BY_DEPTH)
            right_columns(y[n], b, TILE + 8, k, warp_col<HEIGHT>() + 16 * n);
        else
            right_rows(y[n], b, DEPTH + 8, warp_col<HEIGHT>() + 16 * n, k);
#pragma unroll
    for (int m = 0; m < 4; m++) {
        unsigned x[4];
        if (A_BY_DEPTH)
            left_transposed(x, a, HEIGHT + 8, warp_row<HEIGHT>() + 16 * m, k);
        else
            left(x, a, DEPTH + 8, warp_row<HEIGHT>() + 16 * m, k);
#pragma unroll
        for (int n = 0; n < HEIGHT / 16; n++)
            multiply_add(acc[m][n], x, y[n / 2][n % 2 * 2], y[n / 2][n % 2 * 2 + 1]);
    }
}

// store writes the tile to rows below rows and columns below cols of p, or adds to what is there times beta.
template <int HEIGHT>
__device__ inline void store(float *p, long long ld, const float (&acc)[4][HEIGHT / 16][4], int row0, int col0, int rows, int cols, float beta) {
    int row = row0 + warp_row<HEIGHT>() + lane_of() / 4, col = col0 + warp_col<HEIGHT>() + lane_of() % 4 * 2;
    bool pairs = ld % 2 == 0 && aligned16(p);
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int r = row + 16 * m + 8 * h;
            if (r >= rows)
                continue;
#pragma unroll
            for (int n = 0; n < HEIGHT / 16; n++) {
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

// multiply computes the tile at (row0, col0) of a b over depth and stores it in rows x cols at p. a is rows x depth, or depth x
// rows where A_BY_DEPTH is set; b is cols x depth, or depth x cols.
template <int HEIGHT, bool A_BY_DEPTH, bool B_BY_DEPTH>
__device__ inline void multiply(float *p, long long ld, Operand a, Operand b, int row0, int col0, int rows, int cols, int depth, float beta) {
    SHARED(bf16, slices);
    float acc[4][HEIGHT / 16][4];
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int n = 0; n < HEIGHT / 16; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                acc[m][n][i] = 0;
    Side<HEIGHT, A_BY_DEPTH> left;
    Side<TILE, B_BY_DEPTH> right;
    left.o = a, left.first = row0;
    right.o = b, right.first = col0;
    for (int s = 0; s < STAGES - 1; s++) {
        find(left, s * DEPTH);
        find(right, s * DEPTH);
        copy(slices + 2 * s * SLICE, left, s * DEPTH);
        copy(slices + (2 * s + 1) * SLICE, right, s * DEPTH);
        commit_copies();
    }
    int now = 0, next = STAGES - 1;
    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
        wait_copies<STAGES - 2>();
        __syncthreads(); // the slice is there, and all warps are done with the one whose place the next copies take
        int ahead = k0 + (STAGES - 1) * DEPTH;
        find(left, ahead); // lists of rows are on their way while the first half is multiplied
        find(right, ahead);
        const bf16 *at = slices + 2 * now * SLICE, *bt = at + SLICE;
        step<HEIGHT, A_BY_DEPTH, B_BY_DEPTH>(acc, at, bt, 0);
        copy(slices + 2 * next * SLICE, left, ahead);
        copy(slices + (2 * next + 1) * SLICE, right, ahead);
        commit_copies();
        __syncwarp(); // the edges of the slices may part the lanes, and the instructions below want them together
        step<HEIGHT, A_BY_DEPTH, B_BY_DEPTH>(acc, at, bt, 16);
        now = now + 1 < STAGES ? now + 1 : 0;
        next = next + 1 < STAGES ? next + 1 : 0;
    }
    store<HEIGHT>(p, ld, acc, row0, col0, rows, cols, beta);
    wait_copies<0>();
    __syncthreads(); // the next tile may have the shared memory
}

template <bool NN>
__device__ inline void grouped(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, int experts, long long stride, int out, int in) {
    __shared__ int last[MOST_EXPERTS];
    count_tiles<TILE>(last, ends, experts);
    int across = (out + TILE - 1) / TILE, tiles = last[experts - 1] * across;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        int e = find_expert(last, experts, tile / across);
        int first = e > 0 ? ends[e - 1] : 0, row0 = (tile / across - (e > 0 ? last[e - 1] : 0)) * TILE, col0 = tile % across * TILE;
        int n = ends[e] - first;
        Operand a = operand(rows ? x : x + (long long)first * ldx, ldx, rows ? rows + first : nullptr, n, in);
        Operand b = operand(w + e * stride, NN ? out : in, nullptr, NN ? in : out, NN ? out : in);
        float *to = y + (long long)first * out;
        if (n - row0 <= 64)
            multiply<64, false, NN>(to, out, a, b, row0, col0, n, out, in, 0);
        else
            multiply<TILE, false, NN>(to, out, a, b, row0, col0, n, out, in, 0);
    }
}

KERNEL __launch_bounds__(128) grouped_gemm_bf16_nt(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, int experts,
                                                   long long stride, int out, int in) {
    grouped<false>(y, x, ldx, rows, w, ends, experts, stride, out, in);
}

KERNEL __launch_bounds__(128) grouped_gemm_bf16_nn(float *y, const bf16 *x, int ldx, const int *rows, const bf16 *w, const int *ends, int experts,
                                                   long long stride, int out, int in) {
    grouped<true>(y, x, ldx, rows, w, ends, experts, stride, out, in);
}

KERNEL __launch_bounds__(128) grouped_weights_bf16(float *dw, const bf16 *dy, int ld_dy, const int *dy_rows, const bf16 *x, int ldx, const int *x_rows,
                                                   const int *ends, long long stride, int out, int in, float beta) {
    int e = blockIdx.z, first = e > 0 ? ends[e - 1] : 0, depth = ends[e] - first;
    Operand a = operand(dy_rows ? dy : dy + (long long)first * ld_dy, ld_dy, dy_rows ? dy_rows + first : nullptr, depth, out);
    Operand b = operand(x_rows ? x : x + (long long)first * ldx, ldx, x_rows ? x_rows + first : nullptr, depth, in);
    multiply<TILE, true, true>(dw + e * stride, in, a, b, blockIdx.y * TILE, blockIdx.x * TILE, out, in, depth, beta);
}
