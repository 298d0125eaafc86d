package cuda

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// emulation is the kernels as a shared library for the host, made of the same sources as the PTX by the headers in
// kernels/emulate.
type emulation struct {
	names []string
	kinds map[string]string // of the arguments: r pointer to what is read, w to floats that are written, p to others, i int, l long long, f float
	start func(name *byte, dims *uint32, shared uint64, words *uint64, n int32) int32
}

var compiled = sync.OnceValues(compile)

// emulate returns the emulation, or skips where there is no C++ compiler.
func emulate(t *testing.T) *emulation {
	t.Helper()
	if testing.Short() {
		t.Skip("emulated kernels take long")
	}
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("there is no g++ to compile the kernels for this machine")
	}
	e, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// declared finds the kernels of kernels.h, those too that a macro declares.
var declared = regexp.MustCompile(`(?m)^(?:KERNEL|ATTENTION_DQ|ATTENTION_DKV)[ (](\w+)\(?`)

// dispatch calls a kernel by its name with arguments from words.
const dispatch = `
#define EMULATE
#include "device.h"
#include "emulate/engine.h"
#include <utility>
template <typename T> T word(const uint64_t *w) { T v; memcpy(&v, w, sizeof v); return v; }
template <typename... A, size_t... I> void call(void (*f)(A...), const uint64_t *w, std::index_sequence<I...>) { f(word<A>(w + I)...); }
template <typename... A> void body(void (*f)(A...), const uint64_t *w) { call(f, w, std::make_index_sequence<sizeof...(A)>()); }
template <typename T> char kind(T *) { return 'p'; }
static char kind(float *) { return 'w'; }
static char kind(bf16 *) { return 'w'; }
template <typename T> char kind(const T *) { return 'r'; }
static char kind(int) { return 'i'; }
static char kind(long long) { return 'l'; }
static char kind(float) { return 'f'; }
template <typename... A> const char *signature(void (*)(A...)) { static const char s[] = {kind(A())..., 0}; return s; }
extern "C" int emu_launch(const char *name, const uint32_t *d, uint64_t shared, const uint64_t *w, int n) {
#define ENTRY(k) if (!strcmp(name, #k)) { if ((int)strlen(signature(k)) != n) return 2; \
    emu::run(#k, dim3(d[0], d[1], d[2]), dim3(d[3], d[4], d[5]), shared, emu::forward, true, [&] { body(k, w); }); return 0; }
	ENTRIES
#undef ENTRY
	return 1;
}
extern "C" const char *emu_kinds(const char *name) {
#define ENTRY(k) if (!strcmp(name, #k)) return signature(k);
	ENTRIES
	return "";
}
`

// compile builds the shared library, once for each state of the sources.
func compile() (*emulation, error) {
	header, err := os.ReadFile("kernels/kernels.h")
	if err != nil {
		return nil, err
	}
	e := &emulation{kinds: map[string]string{}}
	sources, err := filepath.Glob("kernels/*.cu")
	if err != nil {
		return nil, err
	}
	headers, err := filepath.Glob("kernels/*.cuh")
	if err != nil {
		return nil, err
	}
	var all string
	for _, name := range slices.Concat([]string{"kernels/device.h", "kernels/emulate/emulate.h", "kernels/emulate/engine.cpp", "kernels/emulate/engine.h"}, headers, sources) {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all += string(text)
	}
	var entries string
	for _, m := range declared.FindAllStringSubmatch(string(header), -1) {
		if !defined(all, m[1]) {
			continue
		}
		e.names = append(e.names, m[1])
		entries += "ENTRY(" + m[1] + ") "
	}
	table := strings.ReplaceAll(dispatch, "ENTRIES", entries)
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("muonclip-kernels-%x", sha256.Sum256([]byte(all+string(header)+table))))[:len(os.TempDir())+1+len("muonclip-kernels-")+16]
	lib := filepath.Join(dir, "kernels.so")
	if _, err := os.Stat(lib); err != nil {
		if err := build(dir, lib, table, sources); err != nil {
			return nil, err
		}
	}
	h, err := purego.Dlopen(lib, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	var kinds func(name string) string
	purego.RegisterLibFunc(&e.start, h, "emu_launch")
	purego.RegisterLibFunc(&kinds, h, "emu_kinds")
	for _, n := range e.names {
		e.kinds[n] = kinds(n)
	}
	return e, nil
}

// defined reports whether the sources define a kernel, by itself or through a macro.
func defined(sources, name string) bool {
	return regexp.MustCompile(`\b`+name+`\b`).MatchString(sources) || strings.Contains(name, "_d") && strings.Contains(sources, "##")
}

func build(dir, lib, table string, sources []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "table.cpp")
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", lib, os.Getpid())
	args := []string{"-O2", "-std=c++17", "-fPIC", "-shared", "-w", "-ffp-contract=off", "-DEMULATE", "-Ikernels", "-o", tmp, "-x", "c++", file, "kernels/emulate/engine.cpp"}
	if out, err := exec.Command("g++", append(args, sources...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("compile the kernels for this machine: %w\n%s", err, out)
	}
	return os.Rename(tmp, lib)
}

// check holds the arguments of a launch against the kernel's declaration.
func (e *emulation) check(f *fake, name string, args []uint64) {
	kinds := e.kinds[name]
	if len(kinds) != len(args) {
		f.t.Errorf("%s has %d arguments and is started with %d", name, len(kinds), len(args))
		return
	}
	for i, k := range kinds {
		switch {
		case strings.ContainsRune("rwp", k) && args[i] != 0 && !f.holds(uintptr(args[i])):
			f.t.Errorf("%s: argument %d is a pointer, and %#x is not the device's memory", name, i, args[i])
		case (k == 'i' || k == 'f') && args[i]>>32 != 0:
			f.t.Errorf("%s: argument %d is of 4 bytes and has %#x", name, i, args[i])
		case k == 'l' && args[i]>>40 != 0:
			f.t.Errorf("%s: argument %d is a length and has %#x", name, i, args[i])
		}
	}
}

// launch runs a kernel to its end.
func (e *emulation) launch(name string, grid, block [3]int, shared int, args []uint64) error {
	dims := [6]uint32{}
	for i := range 3 {
		dims[i], dims[3+i] = uint32(grid[i]), uint32(block[i])
	}
	if rc := e.start(unsafe.StringData(name+"\x00"), &dims[0], uint64(shared), unsafe.SliceData(args), int32(len(args))); rc != 0 {
		return fmt.Errorf("emulate %s: %d", name, rc)
	}
	return nil
}
