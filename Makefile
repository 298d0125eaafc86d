# The two commands of the README do without this file; these are shortcuts for working on the program.
.PHONY: build cuda cuda-vet gpu-kit sanitize test race noasm fuzz bench lint

build:
	go build -trimpath -o bin/muonclip ./cmd/muonclip

# The same program with the CUDA backend, into bin/muonclip-cuda: docs/gpu.md. CUDA_HOME is where include/cuda.h lies, from CUDA
# 11.8 on. libcuda.a takes the place of the driver's library, which is looked for when the program starts.
CUDA_HOME ?= /usr/local/cuda
shim = internal/compute/cuda/shim
cuda_env = CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$(CURDIR)/$(shim)/include -I$(CUDA_HOME)/include" CGO_LDFLAGS="-L$(CURDIR)/bin/cuda"

cuda: bin/cuda/libcuda.a
	$(cuda_env) go build -trimpath -tags cuda -o bin/muonclip-cuda ./cmd/muonclip

cuda-vet: bin/cuda/libcuda.a
	$(cuda_env) go vet -tags cuda ./internal/compute/cuda ./internal/stage ./cmd/muonclip

# A folder to carry to a machine with a GPU: programs, tests and data for gpu-check.sh in it. docs/gpu.md, Measuring.
kit = bin/gpu-kit
gpu-kit: bin/cuda/libcuda.a
	rm -rf $(kit) bin/gpu-data
	mkdir -p $(kit)
	cp -r scripts/gpu-check.sh scripts/bench-gpu.sh scripts/bench-gpu $(kit)
	$(cuda_env) go build -trimpath -ldflags="-s -w" -tags cuda -o bin/gpu-data/muonclip ./cmd/muonclip
	$(cuda_env) go test -c -trimpath -ldflags="-s -w" -tags cuda -o bin/gpu-data/cuda.test ./internal/compute/cuda
	for name in muonclip cuda.test; do gzip -c bin/gpu-data/$$name >$(kit)/$$name.gz || exit 1; done
	bin/gpu-data/muonclip tokenizer train --config scripts/bench-gpu/small-moe.yaml --out bin/gpu-data/run
	bin/gpu-data/muonclip data shard --out bin/gpu-data/run
	tar -czf $(kit)/data.tar.gz -C bin/gpu-data/run data
	rm -rf bin/gpu-data
	du -sh $(kit)

bin/cuda/libcuda.a: $(shim)/libcuda.c $(shim)/functions.h
	mkdir -p bin/cuda
	$(CC) -O2 -Wall -Wextra -fPIC -c $(shim)/libcuda.c -o bin/cuda/libcuda.o
	$(AR) rcs $@ bin/cuda/libcuda.o

# The CUDA kernels, emulated, under g++'s sanitizers.
sanitize:
	go test -tags sanitize -run TestEmulationSanitized -v ./internal/compute/cuda/kernels

test:
	go test ./...

race:
	go test -race ./...

noasm:
	CGO_ENABLED=0 go test -tags noasm ./...

# Each parser for a minute.
fuzz:
	scripts/fuzz.sh 60s

bench:
	go test -run xxx -bench . ./...

# golangci-lint v2.15.0: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
lint:
	golangci-lint run ./...
