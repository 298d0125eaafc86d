// Launching emulated kernels.
#pragma once

#include "emulate.h"

#include <functional>

namespace emu {

// run executes a grid on this thread.
void run(const char *name, dim3 grid, dim3 block, size_t shared, Order order, bool late_copies, const std::function<void()> &body);

} // namespace emu
