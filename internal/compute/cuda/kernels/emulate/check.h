// What the checks of emulated kernels share. A launch runs its kernel three times from the same memory, with other
// orders of threads and blocks and with early and late asynchronous copies, and wants the same bits each time.
#pragma once

#include "../device.h"
#include "engine.h"

#include <functional>
#include <string>

namespace check {

struct Region {
    void *p;
    size_t bytes;
};
extern std::vector<Region> regions; // all memory of the "device"

// Buf is device memory: exactly n elements, so that the sanitizer sees every access beside it.
template <typename T> struct Buf {
    T *p;
    size_t n;
    explicit Buf(size_t n, T v = T()) : n(n) {
        void *q = nullptr;
        if (posix_memalign(&q, 16, n ? n * sizeof(T) : 1)) abort();
        p = (T *)q;
        std::fill(p, p + n, v);
        regions.push_back({p, n * sizeof(T)});
    }
    Buf(const Buf &o) : Buf(o.n) { std::copy(o.p, o.p + n, p); }
    Buf &operator=(const Buf &) = delete;
    ~Buf() {
        for (size_t i = regions.size(); i-- > 0;)
            if (regions[i].p == p) {
                regions.erase(regions.begin() + i);
                break;
            }
        free(p);
    }
    operator T *() const { return p; }
};

double uniform();
double normal();
inline int below(int n) { return (int)(uniform() * n); }
Buf<float> random(size_t n, double size = 1);
Buf<float> nan(size_t n);
std::vector<double> wide(const Buf<float> &x);

// near fails where an element is off by more than tolerance times size; NaN must meet NaN.
void near(const std::string &what, const float *got, const std::vector<double> &want, const std::function<double(size_t)> &size, double tolerance);
void near(const std::string &what, const float *got, const std::vector<double> &want, double size, double tolerance);
// same fails where an integer, or a float's bits, differ.
template <typename T> void same(const std::string &what, const T *got, const T *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(got + i, want + i, sizeof(T)) && !(got[i] != got[i] && want[i] != want[i])) {
            fprintf(stderr, "%s: element %zu of %zu is %.9g, want %.9g\n", what.c_str(), i, n, (double)got[i], (double)want[i]);
            exit(1);
        }
}

// same_half fails where half is not x rounded.
void same_half(const std::string &what, const bf16 *half, const float *x, size_t n);

void run(const char *name, dim3 grid, dim3 block, size_t shared, const std::function<void()> &f);
std::string text(const char *format, ...) __attribute__((format(printf, 1, 2)));
inline unsigned parts(long long a, long long b) { return (unsigned)((a + b - 1) / b); }
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline int row_block(int width) { return std::min(1024, std::max(32, (width / 4 + 31) / 32 * 32)); }

// LAUNCH(kernel, grid, block, shared)(arguments) is kernel<<<grid, block, shared>>>(arguments).
template <typename... A> struct Launcher {
    void (*kernel)(A...);
    const char *name;
    dim3 grid, block;
    size_t shared;
    void operator()(A... a) {
        run(name, grid, block, shared, [&] { kernel(a...); });
    }
};
template <typename... A> Launcher<A...> launcher(void (*k)(A...), const char *name, dim3 g, dim3 b, size_t s) {
    return {k, name, g, b, s};
}
#define LAUNCH(kernel, grid, block, shared) check::launcher(kernel, #kernel, grid, block, shared)

constexpr double float_tolerance = 4e-6; // that of the suite of compute backends

void elementwise();
void rows();
void sorting();
void norms();
void activation();
void router();
void losses();
void attention();
void grouped();
void optimizer();
void decoding();

} // namespace check
