package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "muonclip"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// name is the path inside the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// tree lists the module's packages as a build with the given tags has them.
func tree(t *testing.T, tags string) []pkg {
	t.Helper()
	sources(t) // a result is cached by the files that the test itself has looked at
	cmd := exec.Command("go", "list", "-e", "-tags="+tags, "-json=ImportPath,Doc,GoFiles,Imports,Deps", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	var errout bytes.Buffer
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no go command:", err)
	}
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, errout.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// sources reads all Go files of the tree, by their paths.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" {
			return err
		}
		data, err := fs.ReadFile(root, name)
		found[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryPackageHasAComment(t *testing.T) {
	for _, p := range tree(t, "") {
		kind := "Package " + path.Base(p.ImportPath)
		if strings.HasPrefix(p.name(), "cmd/") {
			kind = "Command " + path.Base(p.ImportPath)
		}
		if len(p.GoFiles) > 0 && !strings.HasPrefix(p.Doc, kind+" ") {
			t.Errorf("%s: the package comment begins with %q, want %q", p.name(), p.Doc, kind+" ...")
		}
	}
}

// rule says what a package, or the packages below a folder where it ends in "/...", may not depend on.
type rule struct {
	from   string
	never  []string
	except []string // of never
	direct bool     // the rule is about imports only, not about what they import in turn
	why    string
}

var rules = []rule{
	{from: "optim", never: []string{"internal/compute/cuda/...", "model/...", "data/...", "internal/train", "internal/stage", "cmd/..."}, why: "optim is usable alone"},
	{from: "data/...", never: []string{"model/...", "optim/...", "internal/train", "internal/stage", "internal/config", "cmd/..."}, why: "data knows no model"},
	{from: "model", never: []string{"internal/compute/cuda/...", "data/...", "optim/...", "internal/train", "internal/stage", "cmd/..."}, why: "the model is trained by others"},
	{from: "model/...", never: []string{"optim/...", "internal/train", "internal/stage", "internal/checkpoint", "cmd/..."}, why: "models are used without training"},
	{from: "internal/config", never: []string{"..."}, except: []string{"configs", "model"}, direct: true, why: "a configuration is a value"},
	{from: "internal/compute/...", never: []string{"model/...", "data/...", "optim/...", "internal/..."}, except: []string{"internal/compute/...", "internal/rng"}, why: "kernels are a leaf"},
	{from: "internal/safetensors", never: []string{"model/...", "data/...", "optim/...", "internal/..."}, except: []string{"internal/safetensors", "internal/bf16", "internal/atomicfile"}, why: "a format is a leaf"},
	{from: "internal/atomicfile", never: []string{"..."}, except: []string{"internal/atomicfile"}, why: "a leaf"},
	{from: "internal/bf16", never: []string{"..."}, except: []string{"internal/bf16"}, why: "a leaf"},
	{from: "internal/rng", never: []string{"..."}, except: []string{"internal/rng"}, why: "a leaf"},
	{from: "internal/metrics", never: []string{"..."}, except: []string{"internal/metrics", "internal/atomicfile"}, why: "a format is a leaf"},
	{from: "internal/tensorboard", never: []string{"..."}, except: []string{"internal/tensorboard"}, why: "a format is a leaf"},
	{from: "internal/progress", never: []string{"..."}, except: []string{"internal/progress"}, why: "a leaf"},
	{from: "internal/train", never: []string{"internal/stage", "internal/config", "internal/report", "data/corpus", "data/token", "cmd/..."}, why: "the loop serves every stage"},
	{from: "synth/...", never: []string{"model/...", "optim/...", "internal/train", "internal/stage", "rl/...", "cmd/..."}, why: "synth meets models through its own interfaces"},
	{from: "rl/env/...", never: []string{"model/...", "optim/...", "internal/train", "internal/stage", "cmd/..."}, why: "environments know no model"},
	{from: "rl/reward/...", never: []string{"model/...", "optim/...", "internal/train", "internal/stage", "cmd/..."}, why: "rewards know no model"},
	{from: "rl", never: []string{"internal/stage", "internal/config", "internal/report", "cmd/..."}, why: "reinforcement learning is given its options"},
	{from: "internal/script", never: []string{"..."}, except: []string{"internal/script"}, why: "a leaf"},
	{from: "internal/sandbox/...", never: []string{"..."}, except: []string{"internal/sandbox/...", "internal/script"}, why: "a leaf"},
	{from: "internal/naive", never: []string{"..."}, except: []string{"model", "internal/rng"}, direct: true, why: "a referee shares no code with what it judges"},
	{from: "internal/referee", never: []string{"..."}, except: []string{"model", "internal/rng", "internal/naive"}, direct: true, why: "a referee shares no code with what it judges"},
	{from: "internal/lab/instrument", never: []string{"internal/lab", "internal/stage", "internal/train", "internal/config", "internal/report", "cmd/..."}, why: "instruments are looked at by the loop and know nothing of experiments"},
	{from: "internal/stage", never: []string{"internal/lab/...", "cmd/..."}, except: []string{"internal/lab/instrument"}, why: "experiments are made of stages"},
	{from: "internal/...", never: []string{"cmd/..."}, why: "commands call, they are not called"},
}

// in reports whether a package is one that a pattern names.
func in(name, pattern string) bool {
	if root, below := strings.CutSuffix(pattern, "..."); below { // root is empty or ends in a slash
		return strings.HasPrefix(name+"/", root)
	}
	return name == pattern
}

func TestImportsPointOneWay(t *testing.T) {
	for _, tags := range []string{"", "noasm"} {
		all := tree(t, tags)
		for _, r := range rules {
			used := false
			for _, p := range all {
				if !in(p.name(), r.from) {
					continue
				}
				used = true
				deps := p.Deps
				if r.direct {
					deps = p.Imports
				}
				for _, dep := range deps {
					name, ours := strings.CutPrefix(dep, module+"/")
					match := func(pattern string) bool { return in(name, pattern) }
					if ours && slices.ContainsFunc(r.never, match) && !slices.ContainsFunc(r.except, match) {
						t.Errorf("%s depends on %s: %s", p.name(), name, r.why)
					}
				}
			}
			if !used {
				t.Errorf("the rule on %s is about no package", r.from)
			}
		}
	}
}

// TestCUDABehindItsTag: nothing but a build with the tag cuda needs the CUDA headers.
func TestCUDABehindItsTag(t *testing.T) {
	for name, text := range sources(t) {
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			before, _, _ := strings.Cut(text, "package ")
			if in(strings.Trim(i.Path.Value, `"`), "gorgonia.org/cu/...") && !strings.Contains(before, "//go:build cuda") {
				t.Errorf("%s imports %s without the build tag cuda", name, i.Path.Value)
			}
		}
	}
}

// TestImportsOfOthers: some modules belong to one package.
func TestImportsOfOthers(t *testing.T) {
	for prefix, only := range map[string][]string{
		"github.com/spf13/viper": {"internal/config"},
		"github.com/spf13/cobra": {"cmd/muonclip"},
		"gorgonia.org/cu":        nil, // in a build without tags
	} {
		for _, p := range tree(t, "") {
			for _, dep := range p.Imports {
				if in(dep, prefix+"/...") && !slices.Contains(only, p.name()) {
					t.Errorf("%s imports %s, which is for %v only", p.name(), dep, only)
				}
			}
		}
	}
}

// TestNoCgo: the program builds where there is no C compiler.
func TestNoCgo(t *testing.T) {
	for _, p := range tree(t, "") {
		if slices.Contains(p.Imports, "C") {
			t.Errorf("%s uses cgo without a build tag", p.name())
		}
	}
}
