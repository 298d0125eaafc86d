// Optimizer passes and reductions.
#include "check.h"

namespace check {

static void reductions() {
    for (int n : {1, 100, 4096, 4097, 20000}) {
        auto x = random(n);
        unsigned p = parts(n, 4096);
        Buf<double> part(p), sum(1);
        Buf<float> inverse(1);
        double want = 0;
        for (int i = 0; i < n; i++) want += (double)x[i] * x[i];
        LAUNCH(sum_squares, p, 256, 0)(part, x, n);
        LAUNCH(sum_parts, 1, 256, 0)(sum, part, p);
        LAUNCH(inverse_norms, 1, 256, 0)(inverse, sum, 1, 1e-7f);
        near("inverse norm", inverse, {1 / (std::sqrt(want) + 1e-7f)}, 0, 1e-6);
        float squares = (float)*sum.p;
        near("sum of squares", &squares, {want}, 0, 1e-6);
        x[n / 2] = NAN;
        LAUNCH(sum_squares, p, 256, 0)(part, x, n);
        LAUNCH(sum_parts, 1, 256, 0)(sum, part, p);
        squares = (float)*sum.p;
        near("sum of squares with NaN", &squares, {NAN}, 1, 1e-6);
    }
    Buf<double> parts_of(3 * 700), sums(3);
    std::vector<double> want(3);
    for (int i = 0; i < 3 * 700; i++) want[i / 700] += parts_of[i] = normal();
    LAUNCH(sum_parts, 3, 256, 0)(sums, parts_of, 700);
    for (int b = 0; b < 3; b++) {
        float got = (float)sums[b];
        near("batched sums", &got, {want[b]}, 30, 1e-6);
    }
}

static void muon_step(int rows, int cols, int batch, bool nesterov) {
    auto what = text("muon of %d matrices %d x %d, nesterov %d", batch, rows, cols, nesterov);
    const float mu = 0.95f, keep = 0.99f, rate = 0.02f;
    int n = rows * cols, stride = n + 7, transpose = rows > cols;
    auto m = random((size_t)batch * stride), g = random((size_t)batch * stride), w = random((size_t)batch * stride);
    auto want_m = wide(m), want_w = wide(w);
    Buf<float> y(nan((size_t)batch * n)), inverse(batch);
    unsigned p = parts(n, 4096);
    Buf<double> part(batch * p), sum(batch);
    std::vector<double> want_y(y.n), squares(batch);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < n; i++) {
            double gi = g[b * stride + i], v = mu * m[b * stride + i] + gi;
            want_m[b * stride + i] = v;
            if (nesterov) v = gi + mu * v;
            want_y[b * n + i] = v;
            squares[b] += v * v;
        }
    LAUNCH(muon_momentum, dim3(p, batch), 256, 0)(m, g, y, part, mu, nesterov, n, stride);
    LAUNCH(sum_parts, batch, 256, 0)(sum, part, p);
    LAUNCH(inverse_norms, parts(batch, 256), 256, 0)(inverse, sum, batch, 1e-7f);
    near(what + ": momentum", m, want_m, 0, float_tolerance);
    near(what + ": what is orthogonalised", y, want_y, 0, float_tolerance);
    dim3 tiles(parts(cols, 32), parts(rows, 32), batch), threads(32, 8);
    Buf<float> x(nan((size_t)batch * n)), wf(w), wh(w);
    Buf<bf16> half((size_t)batch * n);
    LAUNCH(muon_load_float, tiles, threads, 0)(x, y, inverse, rows, cols, transpose);
    LAUNCH(muon_load_bf16, tiles, threads, 0)(half, y, inverse, rows, cols, transpose);
    std::vector<double> want_x(y.n), want_sq(batch);
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < n; i++) {
            double v = want_y[b * n + i] / (std::sqrt(squares[b]) + 1e-7f);
            want_x[b * n + (transpose ? i % cols * rows + i / cols : i)] = v;
            want_w[b * stride + i] = want_w[b * stride + i] * keep - rate * v;
            want_sq[b] += v * v;
        }
    near(what + ": scaled", x, want_x, 1, float_tolerance);
    Buf<float> widened(half.n);
    for (size_t i = 0; i < half.n; i++) widened[i] = bf16_to_float(half[i]);
    near(what + ": scaled bf16", widened, want_x, 1, 1.0 / 256);
    unsigned blocks = tiles.x * tiles.y;
    Buf<double> change(batch * blocks), change_half(batch * blocks);
    LAUNCH(muon_apply_float, tiles, threads, 0)(wf, x, change, keep, rate, rows, cols, stride, transpose);
    LAUNCH(muon_apply_bf16, tiles, threads, 0)(wh, half, change_half, keep, rate, rows, cols, stride, transpose);
    near(what + ": weights", wf, want_w, 0, float_tolerance);
    near(what + ": weights from bf16", wh, want_w, 1, rate / 256);
    for (int b = 0; b < batch; b++) {
        double sum = 0;
        for (unsigned i = 0; i < blocks; i++) sum += change[b * blocks + i];
        float got = (float)sum;
        near(what + ": squares of the change", &got, {want_sq[b]}, 0, float_tolerance);
    }
}

static void polynomial() {
    for (int n : {1, 2, 31, 33, 70}) {
        int batch = 3;
        auto aa = random(batch * n * n), a = random(batch * n * n);
        Buf<bf16> half(a.n), out(a.n);
        LAUNCH(cast_bf16, 2, 256, 0)(half, a, a.n);
        LAUNCH(muon_polynomial_bf16, dim3(parts(n * n, 1024), batch), 256, 0)(out, aa, half, 3.4445f, -4.775f, 2.0315f, n);
        std::vector<double> want(a.n);
        Buf<float> got(a.n);
        for (size_t i = 0; i < a.n; i++) {
            got[i] = bf16_to_float(out[i]);
            int at = (int)(i % (n * n));
            want[i] = 2.0315f * aa[i] - 4.775f * (double)bf16_to_float(half[i]) + (at / n == at % n ? 3.4445f : 0);
        }
        near(text("polynomial of %d x %d", n, n), got, want, [&](size_t i) { return std::fabs(want[i]) + 0.01; }, 1.0 / 200);
    }
}

static void adam_step(int n) {
    auto w = random(n), g = random(n), m = random(n), v = random(n);
    for (int i = 0; i < n; i++) v[i] = v[i] * v[i];
    const float b1 = 0.9f, d1 = 0.1f, b2 = 0.95f, d2 = 0.05f, c1 = 0.27f, c2 = 0.14f, eps = 1e-8f, keep = 0.999f, rate = 3e-3f;
    auto want_w = wide(w), want_m = wide(m), want_v = wide(v);
    double squares = 0;
    for (int i = 0; i < n; i++) {
        want_m[i] = b1 * want_m[i] + d1 * (double)g[i];
        want_v[i] = b2 * want_v[i] + d2 * (double)g[i] * g[i];
        double u = want_m[i] / c1 / (std::sqrt(want_v[i] / c2) + eps);
        want_w[i] = keep * want_w[i] - rate * u;
        squares += u * u;
    }
    Buf<double> part(parts(n, 4096));
    LAUNCH(adamw, parts(n, 4096), 256, 0)(w, g, m, v, part, b1, d1, b2, d2, c1, c2, eps, keep, rate, n);
    near("adamw: weights", w, want_w, 0, float_tolerance);
    near("adamw: first moment", m, want_m, 0, float_tolerance);
    near("adamw: second moment", v, want_v, 0, float_tolerance);
    double sum = 0;
    for (size_t i = 0; i < part.n; i++) sum += part[i];
    float got = (float)sum;
    near("adamw: squares of the change", &got, {squares}, 0, float_tolerance);
}

void optimizer() {
    reductions();
    for (bool nesterov : {false, true})
        for (auto shape : {std::pair<int, int>{1, 1}, {5, 33}, {33, 5}, {64, 96}, {100, 70}, {70, 100}}) muon_step(shape.first, shape.second, 3, nesterov);
    polynomial();
    for (int n : {1, 257, 4097}) adam_step(n);
}

} // namespace check
