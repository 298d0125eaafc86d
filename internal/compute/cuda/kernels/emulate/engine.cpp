// The fibers behind emulate.h.
#include "emulate.h"
#include "engine.h"

#include <cstdarg>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" char __start_shared_memory[] __attribute__((weak)), __stop_shared_memory[] __attribute__((weak));

namespace emu {

Thread *current;
uint3 block;
dim3 grid, block_size;
unsigned char *dynamic;
bool late_copies;

namespace {

constexpr size_t stack_bytes = 64 << 10;
constexpr int most_threads = 1024;
constexpr size_t guard_bytes = 4096; // behind dynamic shared memory
constexpr unsigned char guard = 0xa5;

struct Fiber {
    Thread thread;
    void *sp;
    char *stack;
    void *fake;
};

struct Warp {
    int arrived;
    Op op;
    Lanes lanes;
};

Fiber *fibers;
Warp warps[most_threads / 32];
std::vector<int> ready, at_barrier;
int running, alive;
Order order;
uint64_t random_state;
const std::function<void()> *body;
const char *kernel_name = "";
void *main_sp;
#if defined(__SANITIZE_ADDRESS__)
void *main_fake;
const void *main_stack;
size_t main_size;
#endif

#if defined(__x86_64__)
// switch_stack saves the callee-saved registers on this stack, stores its pointer in *from and goes on with to.
asm(R"(
.text
.type emu_switch_stack, @function
emu_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emu_switch_stack, .-emu_switch_stack
)");
extern "C" void emu_switch_stack(void **from, void *to);
#else
ucontext_t contexts[most_threads + 1];
void emu_switch_stack(void **from, void *to) {
    swapcontext(&contexts[from == &main_sp ? most_threads : running], to == main_sp ? &contexts[most_threads] : (ucontext_t *)to);
}
#endif

void to_main(bool last) {
    Fiber &f = fibers[running];
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? nullptr : &f.fake, main_stack, main_size);
#else
    (void)last;
#endif
    emu_switch_stack(&f.sp, main_sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(f.fake, &main_stack, &main_size);
#endif
}

void release_barrier() {
    for (int i : at_barrier) ready.push_back(i);
    at_barrier.clear();
}

void fiber_main() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &main_stack, &main_size);
#endif
    (*body)();
    Thread &t = fibers[running].thread;
    if (t.copies.size() > 1 || (!t.copies.empty() && !t.copies.back().empty())) {
        for (auto &group : t.copies)
            if (!group.empty()) fail("a thread ended with asynchronous copies in flight");
        t.copies.clear();
    }
    t.done = true;
    alive--;
    if (alive > 0 && (int)at_barrier.size() == alive) release_barrier();
    to_main(true);
    abort();
}

void start(int i) {
    Fiber &f = fibers[i];
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(f.stack, stack_bytes);
#endif
#if defined(__x86_64__)
    void **top = (void **)(f.stack + stack_bytes - 64);
    *--top = nullptr; // where fiber_main would return to; keeps the stack aligned as after a call
    *--top = (void *)fiber_main;
    for (int r = 0; r < 6; r++) *--top = nullptr;
    f.sp = top;
#else
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = f.stack;
    contexts[i].uc_stack.ss_size = stack_bytes;
    makecontext(&contexts[i], fiber_main, 0);
    f.sp = &contexts[i];
#endif
}

uint64_t next_random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

int take_ready() {
    size_t at = 0;
    if (order == backward) at = ready.size() - 1;
    if (order == shuffled) at = next_random() % ready.size();
    int i = ready[at];
    if (order == forward) ready.erase(ready.begin());
    else {
        ready[at] = ready.back();
        ready.pop_back();
    }
    return i;
}

void run_block(size_t shared) {
    int n = block_size.x * block_size.y * block_size.z;
    alive = n;
    ready.clear();
    at_barrier.clear();
    for (int w = 0; w < n / 32; w++) warps[w].arrived = 0;
    if (__start_shared_memory) memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
    memset(dynamic, 0xff, shared);
    for (int i = 0; i < n; i++) {
        Thread &t = fibers[i].thread;
        t.index = {i % block_size.x, i / block_size.x % block_size.y, i / (block_size.x * block_size.y)};
        t.linear = i;
        t.done = false;
        t.copies.clear();
        start(i);
        ready.push_back(i);
    }
    while (alive > 0) {
        if (ready.empty()) fail("threads wait for others that never come: a barrier or warp instruction is not reached by all");
        running = take_ready();
        Fiber &f = fibers[running];
        current = &f.thread;
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_start_switch_fiber(&main_fake, f.stack, stack_bytes);
#endif
        emu_switch_stack(&main_sp, f.sp);
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(main_fake, nullptr, nullptr);
#endif
    }
}

} // namespace

void fail(const char *what) {
    fprintf(stderr, "emulation of %s, block (%u,%u,%u): %s\n", kernel_name, block.x, block.y, block.z, what);
    abort();
}

void sync_threads() {
    at_barrier.push_back(running);
    if ((int)at_barrier.size() == alive) {
        release_barrier();
    }
    to_main(false);
}

uint32_t *warp_op(Op op, const uint32_t *in, int n) {
    int lane = running & 31;
    Warp &w = warps[running / 32];
    if (w.arrived > 0 && w.op != op) fail("lanes of a warp are at different warp instructions");
    w.op = op;
    if (n > 0) memcpy(w.lanes.in[lane], in, n * sizeof *in);
    if (++w.arrived == 32) {
        op(w.lanes);
        w.arrived = 0;
        for (int i = running / 32 * 32; i < running / 32 * 32 + 32; i++)
            if (i != running) ready.push_back(i);
        // The others must read their results before this lane changes them: it goes to the end of the line.
    }
    static_assert(sizeof(w.lanes.out) == 32 * 16, "four words a lane");
    if (w.arrived == 0) {
        return w.lanes.out[lane]; // no other lane can finish another operation before this one takes part
    }
    to_main(false);
    return w.lanes.out[lane];
}

void land(Thread *t, size_t keep) {
    auto &c = t->copies;
    while (c.size() > keep) {
        for (auto &copy : c.front())
            if (copy.valid) memcpy(copy.dst, copy.src, 16);
            else memset(copy.dst, 0, 16);
        c.erase(c.begin());
    }
}

void run(const char *name, dim3 g, dim3 b, size_t shared, Order o, bool late, const std::function<void()> &f) {
    if (!fibers) {
        fibers = new Fiber[most_threads]();
        for (int i = 0; i < most_threads; i++)
            fibers[i].stack = (char *)mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    kernel_name = name;
    block = {0, 0, 0};
    size_t threads = (size_t)b.x * b.y * b.z, blocks = (size_t)g.x * g.y * g.z;
    if (threads == 0 || threads > most_threads || threads % 32 || g.x == 0 || g.y == 0 || g.z == 0 || g.y > 65535 || g.z > 65535)
        fail("impossible launch geometry");
    if (shared > 227 << 10) fail("more shared memory than a block can have");
    grid = g;
    block_size = b;
    order = o;
    late_copies = late;
    random_state = 88172645463325252ull;
    body = &f;
    size_t bytes = (shared + 15) / 16 * 16 + guard_bytes;
    dynamic = (unsigned char *)aligned_alloc(16, bytes);
    memset(dynamic + shared, guard, bytes - shared);
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(dynamic + shared, bytes - shared);
#endif
    for (size_t i = 0; i < blocks; i++) {
        size_t at = o == backward ? blocks - 1 - i : i;
        block = {(unsigned)(at % g.x), (unsigned)(at / g.x % g.y), (unsigned)(at / g.x / g.y)};
        run_block(shared);
#if !defined(__SANITIZE_ADDRESS__)
        for (size_t j = shared; j < bytes; j++)
            if (dynamic[j] != guard) fail("a write behind the dynamic shared memory of the launch");
#endif
    }
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(dynamic + shared, bytes - shared);
#endif
    free(dynamic);
}

} // namespace emu
