// Package cuda is the compute backend of NVIDIA GPUs: the kernels of package kernels, compiled to PTX, cuBLAS for
// plain products, and the driver API beneath them. docs/gpu.md says how to build it and what has been run where.
//
// Everything but the driver itself is plain Go and part of every build. A build with the tag cuda adds the driver, through
// gorgonia.org/cu and a thin binding of our own for what that lacks; without it Open says how to get it.
//
// Memory is managed memory (cuMemAllocManaged) whose home is the device. So a slice of Alloc is one address for both
// sides, and what seldom reads it on the host, such as a checkpoint, needs no second form. The rules of package compute
// hold: an operation returns before it is done, one stream keeps the order, and the host touches memory only between Sync
// and the next operation. An operation checks that every slice it is given is the device's.
package cuda
