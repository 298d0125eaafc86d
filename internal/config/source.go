package config

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Dialogues is the value of a source's path that stands for the dialogues made for the tasks of the run.
const Dialogues = "dialogues"

// Recall is the value of a source's path that stands for texts that can only be predicted by looking back.
const Recall = "recall"

// Goroot is the value of a source's path that stands for the Go standard library's source.
const Goroot = "goroot"

// Label is the source's name: name, or the last element of path.
func (s Source) Label() string {
	if s.Name != "" {
		return s.Name
	}
	return filepath.Base(s.Path)
}

// Location is the file or folder to read: path itself, or $(go env GOROOT)/src for goroot. The
// error says what to do where there is no Go installation.
func (s Source) Location(ctx context.Context) (string, error) {
	if s.Path != Goroot {
		return s.Path, nil
	}
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("config: find the Go standard library with `go env GOROOT`: %w; install Go, or train on your own text with --data PATH", err)
		}
		root = strings.TrimSpace(string(out))
	}
	dir := filepath.Join(root, "src")
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("config: the Go standard library's source is not there: %w; train on your own text with --data PATH", err)
	}
	return dir, nil
}

// Layout is the number of data-parallel replicas, of devices that share the experts, and of
// pipeline stages, with the zero values filled in.
func (c Cluster) Layout() (dp, ep, pp int) {
	dp, ep, pp = c.DP, max(c.EP, 1), max(c.PP, 1)
	if dp == 0 {
		dp = c.Devices / pp
	}
	return dp, ep, pp
}
