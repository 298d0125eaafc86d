package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// python is an interpreter on this machine.
type python struct {
	path   string // of the executable, without symbolic links
	prefix string // where its libraries are
}

// findPython asks candidates who they are, so that a wrapper script of a version manager leads to the interpreter itself.
func findPython(ctx context.Context, path string) (python, error) {
	candidates := []string{path}
	if path == "" {
		candidates = []string{"/usr/bin/python3", "/usr/local/bin/python3"}
		if found, err := exec.LookPath("python3"); err == nil {
			candidates = append(candidates, found)
		}
	}
	var problems []error
	for _, c := range candidates {
		p, err := askPython(ctx, c)
		if err == nil {
			return p, nil
		}
		problems = append(problems, err)
	}
	return python{}, fmt.Errorf("sandbox: there is no Python from version 3.8 on: install python3, name one in Options.Python, or use Starlark: %w: %w",
		errors.Join(problems...), ErrUnsupported)
}

func askPython(ctx context.Context, path string) (python, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	const question = "import sys; assert sys.version_info >= (3, 8), sys.version; print(sys.executable); print(sys.base_prefix)"
	out, err := exec.CommandContext(ctx, path, "-I", "-S", "-c", question).Output()
	if err != nil {
		return python{}, fmt.Errorf("run %s: %w", path, err)
	}
	executable, prefix, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok || !filepath.IsAbs(executable) || !filepath.IsAbs(prefix) {
		return python{}, fmt.Errorf("run %s: it says that it is %q", path, out)
	}
	if executable, err = filepath.EvalSymlinks(executable); err != nil {
		return python{}, err
	}
	if prefix, err = filepath.EvalSymlinks(prefix); err != nil {
		return python{}, err
	}
	return python{path: executable, prefix: prefix}, nil
}

// tree is what the interpreter needs of the host: the system's programs and libraries, and its own where they are elsewhere.
func (p python) tree() []entry {
	var tree []entry
	for _, path := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(path)
		switch {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			if to, err := os.Readlink(path); err == nil {
				tree = append(tree, entry{Path: path, Link: to})
			}
		case info.IsDir():
			tree = append(tree, entry{Path: path})
		}
	}
	for _, path := range []string{p.prefix, filepath.Dir(p.path)} {
		if path != "/" && !strings.HasPrefix(path+"/", "/usr/") && !strings.HasPrefix(path+"/", p.prefix+"/bin/") {
			tree = append(tree, entry{Path: path})
		}
	}
	return tree
}
