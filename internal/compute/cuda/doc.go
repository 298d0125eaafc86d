// Package cuda is the compute backend of NVIDIA GPUs: the kernels of package kernels, compiled to PTX, cuBLAS for
// plain products, and the driver API beneath them. docs/gpu.md says how to build it and what has been run where.
//
// Everything but the driver itself is plain Go and part of every build. A build with the tag cuda adds the driver, through
// gorgonia.org/cu and a thin binding of our own for what that lacks; without it Open says how to get it.
//
// A slice of Alloc is the name of memory of the device: as many addresses of the host, which hold nothing. Host and Lend
// bring the content there and let the host read it, or write to it; whoever reads without them ends the program. The rules
// of package compute hold: an operation returns before it is done, and one stream keeps the order. An operation checks that
// every slice it is given is the device's.
package cuda
