package plan

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes the plan as tables for people. The json form of Plan is for programs.
func (p Plan) Print(w io.Writer) error {
	var b strings.Builder
	var rows [][]string
	row := func(cells ...string) { rows = append(rows, cells) }
	section := func(title string) {
		writeTable(&b, rows)
		rows = nil
		b.WriteString(title + "\n")
	}

	if p.Preset != "" {
		fmt.Fprintf(&b, "plan of %s\n\n", p.Preset)
	}
	section("parameters")
	row("", "total", "activated")
	for _, part := range p.Size.Parts {
		row(part.Kind, countText(float64(part.Total)), countText(float64(part.Activated)))
	}
	row("all", countText(float64(p.Size.Total)), countText(float64(p.Size.Activated)))
	row("without embedding and head", countText(float64(p.Size.CoreTotal)), countText(float64(p.Size.CoreActivated)))

	section(fmt.Sprintf("\nFLOPs per token, sequences of %d", p.Run.SeqLen))
	row("", "linear", "attention", "sum")
	row("forward", countText(p.Token.Forward.Linear), countText(p.Token.Forward.Attention), countText(p.Token.Forward.Total()))
	row("forward and backward", countText(p.Token.Train.Linear), countText(p.Token.Train.Attention), countText(p.Token.Train.Total()))
	row("KV cache in bfloat16", bytesText(p.Token.KVCacheBytes))

	section("\nrun")
	row("tokens", countText(float64(p.Run.Tokens)))
	row("steps", fmt.Sprint(p.Run.Steps))
	row("tokens a step", fmt.Sprint(p.Run.TokensPerStep))
	row("tokens per activated parameter", fmt.Sprintf("%.1f", p.Run.TokensPerTrained))
	if p.Run.TokensPerExpert > 0 {
		row("tokens per expert and step", fmt.Sprintf("%.0f", p.Run.TokensPerExpert))
	}
	row("FLOPs", fmt.Sprintf("%.3g", p.Run.FLOPs))
	row("Newton-Schulz FLOPs", fmt.Sprintf("%.3g (%.1f%%)", p.Run.OptimizerFLOPs, 100*p.Run.OptimizerFLOPs/p.Run.FLOPs))

	section("\nmemory")
	row("", "device", "this machine, float32")
	d, h := p.Device, p.Here.Need
	for _, line := range []struct {
		name string
		a, b int64
	}{
		{"weights", d.Weights, h.Weights}, {"master weights", d.Master, h.Master}, {"gradients", d.Gradients, h.Gradients},
		{"optimizer", d.Optimizer, h.Optimizer}, {"activations", d.Activations, h.Activations}, {"all", d.Total, h.Total},
	} {
		row(line.name, bytesText(line.a), bytesText(line.b))
	}
	here := "unknown"
	if p.Here.Available > 0 {
		here = bytesText(p.Here.Available)
	}
	row("available", bytesText(d.Capacity), here)
	if p.Time.PP > 1 {
		row("pipeline stage", fmt.Sprintf("%d of %d", d.Stage+1, p.Time.PP))
	}
	row("sequences in a pass", fmt.Sprint(d.MicroBatch), fmt.Sprint(h.MicroBatch))
	row("passes in a step", fmt.Sprint(d.MicroBatches), fmt.Sprint(h.MicroBatches))

	section("\ntime")
	row("devices", fmt.Sprintf("%d (dp %d, ep %d, pp %d)", p.Time.Devices, p.Time.DP, p.Time.EP, p.Time.PP))
	row("TFLOP/s of a device", fmt.Sprintf("%.3g", p.Time.TFLOPSPerDevice))
	row("tokens a second", countText(p.Time.TokensPerSecond))
	row("wall time", durationText(p.Time.Seconds))
	row("device hours", countText(p.Time.DeviceHours))
	section("")
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// writeTable aligns the first column on the left and the others on the right.
func writeTable(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, r := range rows {
		line := fmt.Sprintf("  %-*s", widths[0], r[0])
		for i, cell := range r[1:] {
			line += fmt.Sprintf("  %*s", widths[i+1], cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// countText prints a number with a unit of a thousand: 1.026T, 32.862B, 61.000M, 12.5k, 4096.
func countText(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e4, "k"}} {
		if n >= u.size {
			if u.name == "k" {
				return fmt.Sprintf("%.1fk", n/1e3)
			}
			return fmt.Sprintf("%.3f%s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.4g", n)
}

// bytesText prints bytes with a unit of 1024.
func bytesText(n int64) string {
	for _, u := range []struct {
		shift int
		name  string
	}{{40, "TiB"}, {30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift {
			return fmt.Sprintf("%.2f %s", float64(n)/float64(int64(1)<<u.shift), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// durationText prints seconds as days, hours and minutes, rounded to what matters.
func durationText(seconds float64) string {
	const day = 24 * 3600
	switch {
	case seconds >= 2*day:
		return fmt.Sprintf("%.1f days", seconds/day)
	case seconds >= 1:
		return (time.Duration(seconds+0.5) * time.Second).String()
	default:
		return fmt.Sprintf("%.2fs", seconds)
	}
}
