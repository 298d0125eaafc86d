// Checks every kernel against float64 loops. Arguments name the groups to run; without any, all run. The last line of the
// output lists the kernels that were launched.
#include "check.h"

#include <cstdarg>
#include <set>

namespace check {

std::vector<Region> regions;

static uint64_t state;
static std::set<std::string> launched;
static double worst;
static std::string worst_at;

double uniform() {
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

double normal() { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform()); }

Buf<float> random(size_t n, double size) {
    Buf<float> x(n);
    for (size_t i = 0; i < n; i++) x[i] = (float)(size * normal());
    return x;
}

Buf<float> nan(size_t n) { return Buf<float>(n, NAN); }

std::vector<double> wide(const Buf<float> &x) { return std::vector<double>(x.p, x.p + x.n); }

void near(const std::string &what, const float *got, const std::vector<double> &want, const std::function<double(size_t)> &size, double tolerance) {
    for (size_t i = 0; i < want.size(); i++) {
        double g = got[i], w = want[i];
        if (g == w || (g != g && w != w)) continue;
        double err = std::fabs(g - w) / std::max(size(i), 1e-37);
        if (!(err <= tolerance)) {
            fprintf(stderr, "%s: element %zu of %zu is %.9g, want %.9g: error %.1e, allowed %.1e\n", what.c_str(), i, want.size(), g, w, err, tolerance);
            exit(1);
        }
        if (err / tolerance > worst) {
            worst = err / tolerance;
            worst_at = what;
        }
    }
}

void near(const std::string &what, const float *got, const std::vector<double> &want, double size, double tolerance) {
    if (size == 0)
        for (double w : want)
            if (!std::isinf(w) && w == w) size = std::max(size, std::fabs(w));
    near(what, got, want, [&](size_t) { return size; }, tolerance);
}

void same_half(const std::string &what, const bf16 *half, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (half[i] != to_bf16(x[i])) {
            fprintf(stderr, "%s: element %zu of %zu is %.9g and in bf16 %.9g\n", what.c_str(), i, n, x[i], bf16_to_float(half[i]));
            exit(1);
        }
}

#if !defined(__SANITIZE_ADDRESS__)
static std::vector<std::vector<char>> snapshot() {
    std::vector<std::vector<char>> s;
    for (auto &r : regions) s.emplace_back((char *)r.p, (char *)r.p + r.bytes);
    return s;
}
#endif

void run(const char *name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &f) {
    launched.insert(name);
#if defined(__SANITIZE_ADDRESS__)
    emu::run(name, grid, block, shared, emu::shuffled, true, f); // accesses are the same in every order
#else
    auto before = snapshot();
    emu::run(name, grid, block, shared, emu::forward, true, f);
    auto after = snapshot();
    for (auto order : {emu::backward, emu::shuffled}) {
        for (size_t i = 0; i < regions.size(); i++)
            if (regions[i].bytes) memcpy(regions[i].p, before[i].data(), regions[i].bytes);
        emu::run(name, grid, block, shared, order, false, f);
        for (size_t i = 0; i < regions.size(); i++)
            if (regions[i].bytes && memcmp(regions[i].p, after[i].data(), regions[i].bytes)) {
                fprintf(stderr, "%s: the result depends on the order of threads, blocks or copies: a race\n", name);
                exit(1);
            }
    }
#endif
}

std::string text(const char *format, ...) {
    char buf[512];
    va_list args;
    va_start(args, format);
    vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    return buf;
}

} // namespace check

int main(int argc, char **argv) {
    using namespace check;
    const struct {
        const char *name;
        void (*run)();
    } groups[] = {{"elementwise", elementwise}, {"rows", rows}, {"sorting", sorting}, {"norms", norms}, {"activation", activation},
                  {"router", router}, {"losses", losses}, {"attention", attention}, {"grouped", grouped}, {"optimizer", optimizer}, {"decoding", decoding}};
    for (auto &g : groups) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; i++) wanted = wanted || !strcmp(argv[i], g.name);
        if (!wanted) continue;
        state = 7;
        worst = 0;
        g.run();
        printf("%-12s ok, worst error %.0f %% of what is allowed, at %s\n", g.name, 100 * worst, worst_at.c_str());
        fflush(stdout);
    }
    printf("launched:");
    for (auto &name : launched) printf(" %s", name.c_str());
    printf("\n");
    return 0;
}
