// This folder comes first on the include path of a build with the tag cuda. CUDA 13 changed the signatures of five
// functions that gorgonia.org/cu calls in their old form; here they get it back.
#ifndef MUONCLIP_CUDA_H
#define MUONCLIP_CUDA_H

#include_next <cuda.h>

#if CUDA_VERSION >= 13000

static inline CUmemLocation muonclip_location(CUdevice device) {
	CUmemLocation l = {.type = device < 0 ? CU_MEM_LOCATION_TYPE_HOST : CU_MEM_LOCATION_TYPE_DEVICE, .id = device < 0 ? 0 : device};
	return l;
}

static inline CUresult muonclip_cuCtxCreate(CUcontext *ctx, unsigned int flags, CUdevice device) {
	return cuCtxCreate(ctx, NULL, flags, device);
}
#undef cuCtxCreate
#define cuCtxCreate muonclip_cuCtxCreate

static inline CUresult muonclip_cuMemAdvise(CUdeviceptr p, size_t bytes, CUmem_advise advice, CUdevice device) {
	return cuMemAdvise(p, bytes, advice, muonclip_location(device));
}
#undef cuMemAdvise
#define cuMemAdvise muonclip_cuMemAdvise

static inline CUresult muonclip_cuMemPrefetchAsync(CUdeviceptr p, size_t bytes, CUdevice device, CUstream stream) {
	return cuMemPrefetchAsync(p, bytes, muonclip_location(device), 0, stream);
}
#undef cuMemPrefetchAsync
#define cuMemPrefetchAsync muonclip_cuMemPrefetchAsync

static inline CUresult muonclip_cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *n) {
	return cuGraphGetEdges(graph, from, to, NULL, n);
}
#undef cuGraphGetEdges
#define cuGraphGetEdges muonclip_cuGraphGetEdges

static inline CUresult muonclip_cuGraphAddDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t n) {
	return cuGraphAddDependencies(graph, from, to, NULL, n);
}
#undef cuGraphAddDependencies
#define cuGraphAddDependencies muonclip_cuGraphAddDependencies

#endif
#endif
