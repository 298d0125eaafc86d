// Norms, activation, router and loss.
#include "check.h"

namespace check {

static const int widths[] = {1, 2, 7, 8, 33, 64, 100, 300, 1030};
static const int counts[] = {1, 2, 15, 17, 65};

void norms() {
    const float eps = 1e-5f;
    for (int n : widths)
        for (int rows : counts)
            for (int pad : {0, 5})
                for (bool residual : {false, true}) {
                    int ldx = n + pad, lddx = n + 2 * pad;
                    auto what = text("norm of %d rows of %d, ld %d, residual %d", rows, n, ldx, residual);
                    auto x = random(rows * ldx), w = random(n), delta = random(rows * n), dy = random(rows * n);
                    Buf<float> y(nan(rows * n)), rstd(nan(rows)), sum(delta);
                    std::vector<double> want(rows * n), want_r(rows), row_sum(rows * n);
                    for (int i = 0; i < rows; i++) {
                        double squares = 0;
                        for (int j = 0; j < n; j++) {
                            float v = x[i * ldx + j];
                            if (residual) v += delta[i * n + j];
                            row_sum[i * n + j] = v;
                            squares += (double)v * v;
                        }
                        want_r[i] = 1 / std::sqrt(squares / n + eps);
                        for (int j = 0; j < n; j++) want[i * n + j] = row_sum[i * n + j] * want_r[i] * w[j];
                    }
                    Buf<bf16> half(y.n);
                    LAUNCH(rmsnorm, rows, row_block(n), 0)(y, pad ? half.p : nullptr, rstd, x, ldx, residual ? sum.p : nullptr, w, n, eps);
                    if (pad) same_half(what, half, y, y.n);
                    near(what + ": y", y, want, 0, float_tolerance);
                    near(what + ": rstd", rstd, want_r, [&](size_t i) { return want_r[i]; }, float_tolerance);
                    if (residual) {
                        near(what + ": sum", sum, row_sum, 0, 1e-7);
                        continue;
                    }
                    auto dx = random(rows * lddx), dw = random(n);
                    auto want_dx = wide(dx), want_dw = wide(dw);
                    std::vector<double> size_w(n, 1);
                    double size_x = 0;
                    for (int i = 0; i < rows; i++) {
                        double along = 0, r = rstd[i];
                        for (int j = 0; j < n; j++) along += (double)dy[i * n + j] * w[j] * x[i * ldx + j];
                        for (int j = 0; j < n; j++) {
                            double v = x[i * ldx + j], g = dy[i * n + j];
                            want_dx[i * lddx + j] += g * w[j] * r - r * r * r * v / n * along;
                            size_x = std::max({size_x, std::fabs(g * w[j]) * r, std::fabs(want_dx[i * lddx + j])});
                            want_dw[j] += g * v * r;
                            size_w[j] += std::fabs(g * v * r);
                        }
                    }
                    unsigned blocks = parts(rows, 16);
                    Buf<float> partial(nan(blocks * n));
                    LAUNCH(rmsnorm_backward, blocks, row_block(n), 4 * n)(dx, lddx, pad ? nullptr : half.p, partial, dy, x, ldx, w, rstd, rows, n);
                    LAUNCH(column_sums, parts(n, 32), dim3(32, 32), 0)(dw, partial, blocks, n);
                    if (!pad) same_half(what + ": dx", half, dx, dx.n);
                    near(what + ": dx", dx, want_dx, size_x, float_tolerance);
                    near(what + ": dw", dw, want_dw, [&](size_t j) { return size_w[j]; }, float_tolerance);
                }
}

// same_rows fails where the bf16 rows that begin where the float rows of x do are not those of want, rounded.
static void same_rows(const std::string &what, const float *x, const float *want, int rows, int width) {
    for (int i = 0; i < rows; i++) same_half(what + " in bf16", reinterpret_cast<const bf16 *>(x + (size_t)i * width), want + (size_t)i * width, width);
}

static void swiglu_case(const Buf<float> &gu, const Buf<float> &d, int rows, int width, bool scaled, const std::string &what) {
    auto scale = random(rows);
    Buf<float> act(nan(rows * width)), act2(nan(rows * width)), dscale(nan(rows)), grad(gu);
    std::vector<double> want(rows * width), size(rows * width), want_act(rows * width), want_gu(2 * rows * width), want_scale(rows), size_scale(rows, 1e-30), size_gu(2 * rows * width);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < width; j++) {
            double g = gu[2 * i * width + j], u = gu[(2 * i + 1) * width + j], dj = d[i * width + j], f = scaled ? (double)scale[i] : 1.0;
            double s = sigmoid(g), a = g < -700 ? 0 : g * s * u;
            double slope = g > 700 ? 1 : g < -700 ? 0 : s + g * s * (1 - s);
            want[i * width + j] = a;
            size[i * width + j] = std::fabs(g * u) + 1e-20;
            want_act[i * width + j] = a * f;
            want_gu[2 * i * width + j] = dj * f * u * slope;
            size_gu[2 * i * width + j] = std::fabs(dj * f * u) + 1e-20;
            want_gu[(2 * i + 1) * width + j] = g < -700 ? 0 : dj * f * g * s;
            size_gu[(2 * i + 1) * width + j] = std::fabs(dj * f * g) + 1e-20;
            want_scale[i] += a * dj;
            size_scale[i] += std::fabs(a * dj);
        }
    LAUNCH(swiglu, 3, 256, 0)(act, gu, width, (long long)rows * width);
    Buf<float> act_half(rows * width), act2_half(rows * width), grad_half(gu), dscale_half(dscale);
    LAUNCH(swiglu_bf16, 3, 256, 0)(act_half, gu, width, (long long)rows * width);
    same_rows(what + ": activation", act_half, act, rows, width);
    near(what + ": activation", act, want, [&](size_t i) { return size[i]; }, float_tolerance);
    LAUNCH(swiglu_backward, rows, row_block(width), 0)(grad, d, act2, scaled ? scale.p : nullptr, scaled ? dscale.p : nullptr, width);
    LAUNCH(swiglu_backward_bf16, rows, row_block(width), 4 * width)(grad_half, d, act2_half, scaled ? scale.p : nullptr, scaled ? dscale_half.p : nullptr, width);
    same_rows(what + ": scaled activation", act2_half, act2, rows, width);
    same_rows(what + ": gradient", grad_half, grad, rows, 2 * width);
    same(what + ": gradient of the scale", dscale_half.p, dscale.p, rows);
    near(what + ": scaled activation", act2, want_act, [&](size_t i) { return size[i] * 4; }, float_tolerance);
    near(what + ": gradient", grad, want_gu, [&](size_t i) { return size_gu[i]; }, float_tolerance);
    if (scaled) near(what + ": gradient of the scale", dscale, want_scale, [&](size_t i) { return size_scale[i]; }, float_tolerance);
}

void activation() {
    for (int width : widths)
        for (int rows : counts)
            for (bool scaled : {false, true}) swiglu_case(random(2 * rows * width, 4), random(rows * width), rows, width, scaled, text("swiglu of %d rows of %d, scaled %d", rows, width, scaled));
    const float gates[] = {0, 1e-30f, -1e-30f, 20, -20, 79, -79, 90, -90, 1e4f, -1e4f, 1e20f, -1e20f, 3, -3, 1};
    Buf<float> gu(32, 2), d(16, 3);
    std::copy(gates, gates + 16, gu.p);
    swiglu_case(gu, d, 1, 16, false, "swiglu of extremes");
    gu[3] = NAN;
    Buf<float> act(16);
    LAUNCH(swiglu, 1, 256, 0)(act, gu, 16, 16);
    if (act[3] == act[3] || act[2] != act[2]) {
        fprintf(stderr, "swiglu: NaN does not stay in its place\n");
        exit(1);
    }
}

struct RouteCase { int tokens, experts, k; bool norm; int sequences; };

static void route_case(const RouteCase &s, const Buf<float> &logits, const Buf<float> &bias) {
    auto what = text("router of %d tokens, %d experts, k %d, norm %d, %d sequences", s.tokens, s.experts, s.k, s.norm, s.sequences);
    Buf<float> scores(logits), weight(nan(s.tokens * s.k)), dweight(random(s.tokens * s.k)), dlogits(nan(s.tokens * s.experts));
    Buf<int> index(s.tokens * s.k, -1);
    const float scale = 2.5f, aux = s.sequences ? 0.37f : 0;
    LAUNCH(route, parts(s.tokens, 4), 128, 16 * s.experts)(scores, bias, index, weight, s.tokens, s.experts, s.k, s.norm, scale);
    std::vector<double> want_scores(logits.n), grad(logits.n);
    for (size_t i = 0; i < logits.n; i++) want_scores[i] = sigmoid(logits[i]);
    near(what + ": scores", scores, want_scores, 1, float_tolerance);
    int seq = s.sequences ? s.tokens / s.sequences : 1;
    Buf<float> frequency(nan(s.sequences * s.experts)), loss(nan(s.sequences));
    if (s.sequences) LAUNCH(route_aux, s.sequences, 256, 4 * s.experts)(scores, index, frequency, loss, s.experts, s.k, seq, aux);
    std::vector<double> want_frequency(s.sequences * s.experts), want_loss(s.sequences);
    for (int t = 0; t < s.tokens; t++) {
        const float *row = scores + t * s.experts;
        std::vector<int> order(s.experts);
        for (int e = 0; e < s.experts; e++) order[e] = e;
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return row[a] + bias[a] > row[b] + bias[b]; });
        same(what + ": choice", index + t * s.k, order.data(), s.k);
        double chosen = 1e-20;
        for (int j = 0; j < s.k; j++) chosen += row[order[j]];
        std::vector<double> want(s.k);
        for (int j = 0; j < s.k; j++) want[j] = (double)scale * row[order[j]] / (s.norm ? chosen : 1);
        near(what + ": weights", weight + t * s.k, want, scale, float_tolerance);
        for (int j = 0; j < s.k && s.sequences; j++) want_frequency[t / seq * s.experts + order[j]] += (double)s.experts / (s.k * seq);
    }
    for (int t = 0; t < s.tokens; t++) {
        const float *row = scores + t * s.experts, *dw = dweight + t * s.k;
        const int *at = index + t * s.k;
        double *ds = &grad[t * s.experts], chosen = 1e-20, all = 1e-20, dot = 0;
        for (int j = 0; j < s.k; j++) chosen += row[at[j]];
        for (int j = 0; j < s.k; j++) {
            ds[at[j]] += (double)dw[j] * scale / (s.norm ? chosen : 1);
            for (int i = 0; i < s.k && s.norm; i++) ds[at[i]] -= (double)dw[j] * scale * row[at[j]] / (chosen * chosen);
        }
        if (s.sequences) {
            double *f = &want_frequency[t / seq * s.experts];
            for (int e = 0; e < s.experts; e++) {
                all += row[e];
                dot += f[e] * row[e];
            }
            for (int e = 0; e < s.experts; e++) ds[e] += (double)aux / seq * (f[e] / all - dot / (all * all));
            want_loss[t / seq] += aux * dot / all / seq;
        }
        for (int e = 0; e < s.experts; e++) ds[e] *= row[e] * (1.0 - row[e]);
    }
    if (s.sequences) {
        near(what + ": frequency", frequency, want_frequency, 0, float_tolerance);
        near(what + ": auxiliary loss", loss, want_loss, aux * s.experts, float_tolerance);
    }
    LAUNCH(route_backward, parts(s.tokens, 4), 128, 0)(scores, index, dweight, s.sequences ? frequency.p : nullptr, dlogits, s.tokens, s.experts, s.k, s.norm, scale, seq, aux);
    near(what + ": gradient", dlogits, grad, s.experts > 1 ? 0 : 1, float_tolerance); // one expert has no gradient
}

void router() {
    const RouteCase cases[] = {{1, 1, 1, true, 0}, {1, 1, 1, false, 1}, {3, 5, 1, true, 3}, {63, 2, 1, false, 1}, {64, 8, 2, true, 2}, {64, 8, 2, false, 4},
                               {65, 16, 16, true, 5}, {66, 7, 3, true, 1}, {40, 64, 6, true, 8}, {40, 384, 8, true, 1}, {30, 300, 8, false, 10}};
    for (auto &s : cases) route_case(s, random(s.tokens * s.experts), random(s.experts, 0.3));
    RouteCase ties{70, 9, 4, true, 0};
    route_case(ties, Buf<float>(70 * 9), Buf<float>(9));
    Buf<float> bias(9);
    bias[7] = bias[8] = 3;
    bias[0] = -1;
    route_case(ties, Buf<float>(70 * 9), bias);
    for (int pattern = 0; pattern < 3; pattern++)
        for (bool norm : {false, true})
            for (int sequences : {0, 2}) {
                const float logit[3][3] = {{1e4f, 1e4f, 1e4f}, {-1e4f, -1e4f, -1e4f}, {1e4f, -1e4f, 0}};
                Buf<float> logits(66 * 9);
                for (int i = 0; i < 66 * 9; i++) logits[i] = logit[pattern][i % 3];
                route_case({66, 9, 3, norm, sequences}, logits, random(9, 0.3));
            }
    for (int experts : {1, 4, 255, 1000}) {
        auto before = random(experts);
        Buf<float> bias(before);
        Buf<int> load(experts);
        double total = 0, above = 0;
        for (int e = 0; e < experts; e++) total += load[e] = below(5);
        auto sign = [&](int e) { return (total > (double)load[e] * experts) - (total < (double)load[e] * experts); };
        for (int e = 0; e < experts; e++) above += sign(e);
        LAUNCH(balance, 1, 256, 0)(bias, load, experts, 0.1f);
        for (int e = 0; e < experts; e++) near(text("balance of %d", experts), bias + e, {before[e] + 0.1 * (sign(e) - above / experts)}, 2, float_tolerance);
    }
}

static void loss_case(const Buf<float> &logits, const Buf<int> &targets, int vocab, const Buf<float> &scale, int block, const std::string &what) {
    int rows = (int)targets.n;
    std::vector<double> want(rows), grad(logits.n);
    for (int i = 0; i < rows; i++) {
        if (targets[i] < 0) continue;
        const float *z = logits + (size_t)i * vocab;
        double top = -INFINITY, sum = 0;
        for (int j = 0; j < vocab; j++) top = z[j] != z[j] ? NAN : std::max(top, (double)z[j]);
        for (int j = 0; j < vocab; j++) sum += std::exp(z[j] - top);
        want[i] = std::log(sum) + (top - z[targets[i]]);
        for (int j = 0; j < vocab; j++) grad[(size_t)i * vocab + j] = scale[i] * (std::exp(z[j] - top) / sum - (j == targets[i]));
    }
    Buf<float> got(logits), loss(nan(rows));
    LAUNCH(cross_entropy, rows, block, 0)(loss, got, targets, vocab, scale);
    Buf<float> half(logits), loss_half(rows);
    LAUNCH(cross_entropy_bf16, rows, block, 0)(loss_half, half, targets, vocab, scale);
    same(what + ": loss with a gradient in bf16", loss_half.p, loss.p, rows);
    same_rows(what + ": gradient", half, got, rows, vocab);
    near(what + ": loss", loss, want, [&](size_t i) { return 1 + std::fabs(want[i]); }, float_tolerance);
    near(what + ": gradient", got, grad, 1, float_tolerance);
}

void losses() {
    for (int vocab : {1, 2, 7, 32, 33, 300, 1025, 5000})
        for (int rows : {1, 9})
            for (int block : {32, 256, 1024}) {
                auto logits = random((size_t)rows * vocab, 5), scale = random(rows);
                Buf<int> targets(rows);
                for (int i = 0; i < rows; i++) targets[i] = i % 3 == 2 ? -1 : below(vocab);
                loss_case(logits, targets, vocab, scale, block, text("loss of %d rows of %d", rows, vocab));
            }
    const int vocab = 37, rows = 12;
    auto logits = random(rows * vocab);
    Buf<int> targets(rows, 3);
    Buf<float> scale(rows, 0.5f);
    for (int j = 0; j < vocab; j++) {
        logits[0 * vocab + j] += 1e4f;
        logits[1 * vocab + j] -= 1e4f;
        logits[2 * vocab + j] *= 1e4f;
        logits[3 * vocab + j] = 0;
        if (j != 5) logits[4 * vocab + j] = -INFINITY;
    }
    targets[4] = 5; // all other words are masked
    logits[5 * vocab + 3] = 1e4f;
    logits[6 * vocab + 8] = 1e4f;
    logits[7 * vocab + 3] = -1e4f;
    logits[8 * vocab + 20] = NAN;
    logits[9 * vocab + 20] = NAN;
    targets[9] = -1;
    for (int block : {32, 64}) loss_case(logits, targets, vocab, scale, block, "loss of extreme rows");
}

} // namespace check
