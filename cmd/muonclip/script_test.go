package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// raceOptions spares each process of a binary with the race detector its second of waiting at the end.
const raceOptions = "GORACE=atexit_sleep_ms=0"

// TestMain makes this test binary run as muonclip inside the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"muonclip": main,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, raceOptions)
			return (&place{t: t, dir: env.WorkDir}).fillIn()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"fields": fields,
		},
	})
}

// fields checks that JSON in a file, such as stdout, has values at paths, where [] stands for every
// element of a list: `fields stdout loss [].name`.
func fields(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fields file path...")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	for _, path := range args[1:] {
		if err := field(v, strings.Split(path, ".")); err != nil {
			ts.Fatalf("%s: %s: %v", args[0], path, err)
		}
	}
}

func field(v any, path []string) error {
	if len(path) == 0 {
		return nil
	}
	if path[0] == "[]" {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("%v is no list with elements", v)
		}
		for _, e := range list {
			if err := field(e, path[1:]); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no object", v)
	}
	e, ok := object[path[0]]
	if !ok {
		return fmt.Errorf("no field %q among %v", path[0], slices.Sorted(maps.Keys(object)))
	}
	return field(e, path[1:])
}

// exits runs a command and checks its exit code: `exits 2 muonclip plan --set x=1`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var status interface{ ExitCode() int }
		if !errors.As(err, &status) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		code = fmt.Sprint(status.ExitCode())
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func TestExitCode(t *testing.T) {
	live := t.Context()
	cancelled, cancel := context.WithCancel(live)
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"success", live, nil, 0},
		{"failure", live, errors.New("disk full"), 1},
		{"usage", live, fmt.Errorf("run: %w", usageError{errors.New("no such key")}), 2},
		{"damage", live, fmt.Errorf("resume: %w", damagedError{errors.New("checksum")}), 3},
		{"interrupted", cancelled, fmt.Errorf("train: %w", context.Canceled), 130},
		{"failed after an interrupt", cancelled, errors.New("disk full"), 1},
		{"a timeout inside", live, context.Canceled, 1},
	} {
		if got := exitCode(tt.ctx, tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestHelp: every command says in its help what it does, gives an example and its exit codes.
func TestHelp(t *testing.T) {
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		if !c.HasSubCommands() {
			if c.Long == "" || !strings.Contains(c.Long, "Exit codes") {
				t.Errorf("%s: the long help does not give the exit codes", c.CommandPath())
			}
			if !strings.Contains(c.Example, c.CommandPath()) {
				t.Errorf("%s: no example of its use", c.CommandPath())
			}
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(newRootCommand(&globals{}))
}

func TestLogger(t *testing.T) {
	for format, want := range map[string]string{"json": `"msg":"step"`, "text": "msg=step", "auto": "msg=step"} {
		var out strings.Builder
		g := &globals{stderr: &out, logFormat: format}
		g.logger().Info("step", slog.Int("n", 3))
		g.logger().Debug("hidden")
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "hidden") {
			t.Errorf("--log-format %s wrote %q", format, out.String())
		}
		g.verbose = true
		g.logger().Debug("shown")
		if !strings.Contains(out.String(), "shown") {
			t.Errorf("--log-format %s --verbose hides details", format)
		}
	}
}
