// Package nodetest runs JavaScript programs as oracles of tests: other people's readers of the formats
// that this program writes.
package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Install puts npm packages (name@version) into a new temporary folder and returns it. It skips the
// test under -short, and where npm is missing or the packages cannot be had.
func Install(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs npm packages; not with -short")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: %v", program, err)
		}
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"}, packages...)...)
	npm.Dir = dir
	npm.WaitDelay = 5 * time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("npm could not install %v (no network?): %v\n%s", packages, err, out)
	}
	return dir
}

// Run runs a script in a folder of Install under the given file name, whose ending says whether it is
// an ES module (.mjs) or not (.cjs), and returns what it prints. A script that fails fails the test.
func Run(t *testing.T, dir, name, script string, args ...string) []byte {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{name}, args...)...)
	node.Dir = dir
	node.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", name, err, stderr.Bytes())
	}
	return out
}

// Bin returns the path of the program of an installed package, to be run by node without npx.
func Bin(t *testing.T, dir, name string) string {
	t.Helper()
	root := filepath.Join(dir, "node_modules", filepath.FromSlash(name))
	data, err := os.ReadFile(filepath.Join(root, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Bin map[string]string `json:"bin"`
	}
	if err := json.Unmarshal(data, &p); err != nil || len(p.Bin) != 1 {
		t.Fatalf("%s has %d programs, want 1: %v", name, len(p.Bin), err)
	}
	for _, path := range p.Bin {
		root = filepath.Join(root, filepath.FromSlash(path))
	}
	return root
}
