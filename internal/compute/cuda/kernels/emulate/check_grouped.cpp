// Grouped products and the gradients of the experts' matrices.
#include "check.h"

namespace check {

struct Size { int experts, rows, out, in; };

// group_ends cuts rows into experts: evenly, with every second one empty, with all in one, with none.
static Buf<int> group_ends(const Size &s, int kind) {
    Buf<int> ends(s.experts);
    for (int e = 0; e < s.experts; e++) {
        ends[e] = (e + 1) * s.rows / s.experts;
        if (kind == 1) ends[e] = e == s.experts - 1 ? s.rows : (e + 1) / 2 * 2 * s.rows / s.experts;
        if (kind == 2) ends[e] = e >= s.experts / 2 ? s.rows : 0;
        if (kind == 3) ends[e] = 0;
    }
    return ends;
}

// scatter_rows puts the rows of x among others in another order.
static Buf<float> scatter_rows(const Buf<float> &x, int width, Buf<int> &list) {
    int n = (int)list.n;
    auto table = random(2 * x.n);
    for (int i = 0; i < n; i++) list[i] = 2 * (n - 1 - i) + i % 2;
    for (int i = 0; i < n; i++) std::copy(x + (size_t)i * width, x + (size_t)(i + 1) * width, table + (size_t)list[i] * width);
    return table;
}

// halves rounds a matrix of rows x width to bf16 with its rows ld apart, and x to what the copy holds.
static Buf<bf16> halves(Buf<float> &x, int width, int ld) {
    int rows = (int)(x.n / width);
    Buf<bf16> h((size_t)rows * ld, 0x7fff); // NaN between the rows
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++) {
            h[(size_t)r * ld + c] = to_bf16(x[(size_t)r * width + c]);
            x[(size_t)r * width + c] = bf16_to_float(h[(size_t)r * ld + c]);
        }
    return h;
}

const int grouped_shared = 61440;

static void products(const Size &s, int kind, bool nt, bool half) {
    auto what = text("grouped product of %d experts, %d rows, %d x %d, cut %d, nt %d, bf16 %d", s.experts, s.rows, s.out, s.in, kind, nt, half);
    int stride = s.out * s.in + (s.in % 8 ? 5 : 8), ld = 2 * s.in;
    auto ends = group_ends(s, kind);
    auto x = random((size_t)s.rows * s.in), w = random((size_t)s.experts * stride);
    Buf<bf16> none(0), xh(half ? halves(x, s.in, s.in) : none), wh(half ? halves(w, 1, 1) : none);
    Buf<float> got(nan((size_t)s.rows * s.out)), picked(got);
    Buf<int> list(s.rows);
    auto table = scatter_rows(x, s.in, list);
    std::vector<double> want(got.n, NAN), size(got.n, 1);
    for (int e = 0, r = 0; e < s.experts; e++)
        for (; r < ends[e]; r++)
            for (int o = 0; o < s.out; o++) {
                double sum = 0, abs = 0;
                for (int i = 0; i < s.in; i++) {
                    double t = (double)x[(size_t)r * s.in + i] * w[(size_t)e * stride + (nt ? o * s.in + i : i * s.out + o)];
                    sum += t;
                    abs += std::fabs(t);
                }
                want[(size_t)r * s.out + o] = sum;
                size[(size_t)r * s.out + o] = abs;
            }
    if (half) {
        auto table_half = halves(table, s.in, ld);
        auto kernel = nt ? grouped_gemm_bf16_nt : grouped_gemm_bf16_nn;
        const char *name = nt ? "grouped_gemm_bf16_nt" : "grouped_gemm_bf16_nn";
        launcher(kernel, name, 3, 128, grouped_shared)(got, xh, s.in, nullptr, wh, ends, s.experts, stride, s.out, s.in);
        launcher(kernel, name, 5, 128, grouped_shared)(picked, table_half, ld, list, wh, ends, s.experts, stride, s.out, s.in);
    } else {
        auto kernel = nt ? grouped_gemm_float_nt : grouped_gemm_float_nn;
        const char *name = nt ? "grouped_gemm_float_nt" : "grouped_gemm_float_nn";
        launcher(kernel, name, 3, 256, 0)(got, x, nullptr, w, ends, s.experts, stride, s.out, s.in);
        launcher(kernel, name, 5, 256, 0)(picked, table, list, w, ends, s.experts, stride, s.out, s.in);
    }
    near(what, got, want, [&](size_t i) { return size[i]; }, float_tolerance);
    same(what + ": picked rows, other grid", picked.p, got.p, got.n);
}

static void gradients(const Size &s, int kind, bool half, float beta) {
    auto what = text("gradient of %d experts, %d rows, %d x %d, cut %d, beta %g, bf16 %d", s.experts, s.rows, s.out, s.in, kind, beta, half);
    int stride = s.out * s.in + (s.in % 4 ? 5 : 4), tile = half ? 128 : 64;
    auto ends = group_ends(s, kind);
    auto dy = random((size_t)s.rows * s.out), x = random((size_t)s.rows * s.in), dw = random((size_t)s.experts * stride);
    Buf<bf16> none(0), dyh(half ? halves(dy, s.out, s.out) : none), xh(half ? halves(x, s.in, s.in) : none);
    auto want = wide(dw);
    std::vector<double> size(want.size(), 1);
    for (int e = 0, lo = 0; e < s.experts; lo = ends[e++])
        for (int o = 0; o < s.out; o++)
            for (int i = 0; i < s.in; i++) {
                double sum = beta * dw[(size_t)e * stride + o * s.in + i], abs = std::fabs(sum);
                for (int r = lo; r < ends[e]; r++) {
                    double t = (double)dy[(size_t)r * s.out + o] * x[(size_t)r * s.in + i];
                    sum += t;
                    abs += std::fabs(t);
                }
                want[(size_t)e * stride + o * s.in + i] = sum;
                size[(size_t)e * stride + o * s.in + i] = abs + 1e-20;
            }
    Buf<int> list(s.rows);
    auto x_table = scatter_rows(x, s.in, list), dy_table = scatter_rows(dy, s.out, list);
    Buf<float> got(dw), picked_x(dw), picked_dy(dw);
    dim3 grid(parts(s.in, tile), parts(s.out, tile), s.experts);
    if (half) {
        int ldx = 2 * s.in, ld_dy = s.out + 8;
        auto x_half = halves(x_table, s.in, ldx), dy_half = halves(dy_table, s.out, ld_dy);
        auto launch = LAUNCH(grouped_weights_bf16, grid, 128, grouped_shared);
        launch(got, dyh, s.out, nullptr, xh, s.in, nullptr, ends, stride, s.out, s.in, beta);
        launch(picked_x, dyh, s.out, nullptr, x_half, ldx, list, ends, stride, s.out, s.in, beta);
        launch(picked_dy, dy_half, ld_dy, list, xh, s.in, nullptr, ends, stride, s.out, s.in, beta);
    } else {
        auto launch = LAUNCH(grouped_weights_float, grid, 256, 0);
        launch(got, dy, nullptr, x, nullptr, ends, stride, s.out, s.in, beta);
        launch(picked_x, dy, nullptr, x_table, list, ends, stride, s.out, s.in, beta);
        launch(picked_dy, dy_table, list, x, nullptr, ends, stride, s.out, s.in, beta);
    }
    near(what, got, want, [&](size_t i) { return size[i]; }, float_tolerance);
    same(what + ": picked rows of x", picked_x.p, got.p, got.n);
    same(what + ": picked rows of dy", picked_dy.p, got.p, got.n);
}

void grouped() {
    const Size sizes[] = {{1, 1, 1, 1}, {1, 5, 3, 2}, {4, 64, 16, 24}, {5, 63, 7, 9}, {7, 200, 33, 31}, {3, 270, 5, 17}, {2, 3, 65, 300}, {300, 40, 4, 8}, {3, 150, 136, 72}, {2, 390, 144, 40}};
    for (auto &s : sizes)
        for (int kind = 0; kind < 4; kind++)
            for (bool half : {false, true}) {
                if (s.experts > 100 && kind) continue;
                for (bool nt : {false, true}) products(s, kind, nt, half);
                gradients(s, kind, half, (float)(kind % 2));
            }
}

} // namespace check
