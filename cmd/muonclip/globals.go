package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// globals is what every command gets: where output goes, and the flags of the root command.
type globals struct {
	stdout, stderr io.Writer
	verbose        bool
	logFormat      string
}

func (g *globals) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVarP(&g.verbose, "verbose", "v", false, "log details")
	f.StringVar(&g.logFormat, "log-format", "auto", "auto, text or json; auto is coloured text on a terminal and plain text elsewhere")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if g.logFormat != "auto" && g.logFormat != "text" && g.logFormat != "json" {
			return usageError{fmt.Errorf("--log-format is %q, want auto, text or json", g.logFormat)}
		}
		return nil
	}
}

// logger makes the logger that a command passes down. It writes to stderr.
func (g *globals) logger() *slog.Logger { return g.loggerTo(g.stderr) }

// loggerTo is logger with another way to stderr, such as one that spares a progress bar.
func (g *globals) loggerTo(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if g.verbose {
		level = slog.LevelDebug
	}
	switch {
	case g.logFormat == "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	case g.logFormat == "auto" && isTerminal(g.stderr):
		return slog.New(tint.NewTextHandler(w, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != "",
		}))
	default:
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	}
}

// writeJSON prints v as indented JSON on stdout.
func (g *globals) writeJSON(v any) error {
	enc := json.NewEncoder(g.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
