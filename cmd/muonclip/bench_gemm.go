package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchGemmCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var o bench.GemmOptions
	cmd := &cobra.Command{
		Use:   "gemm",
		Short: "Compare every matrix product of a training step with OpenBLAS",
		Long: `Time every shape of matrix product that one training step of a model does, forward, backward and in
Newton-Schulz, with one thread and with all, in turn with OpenBLAS where its library is installed.
The shapes are gathered from the model itself; a batch is done as training does it, OpenBLAS takes
its products one after the other. Without --preset and --config it measures mini and small-moe.

OPENBLAS_CORETYPE=Haswell and GODEBUG=cpu.avx512f=off hold both to AVX2.`,
		Example: `  muonclip bench gemm
  muonclip bench gemm --preset small-moe --batch 4 --seq 1024 --json
  muonclip bench gemm --openblas /opt/lib/libopenblas.so`,
	}
	opts.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Rounds, "rounds", 5, "alternations of ours and theirs for each shape")
	f.StringVar(&o.Library, "openblas", "", "`FILE` of the OpenBLAS library (default: what the system's loader finds)")
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		presets := []string{opts.config.preset}
		if opts.config.preset == "" && opts.config.file == "" {
			presets = []string{"mini", "small-moe"}
		}
		for _, preset := range presets {
			opts.config.preset = preset
			t, err := opts.load()
			if err != nil {
				return nil, err
			}
			name := preset
			if name == "" {
				name = "config"
			}
			o.Models = append(o.Models, bench.GemmModel{Name: name, Step: t})
		}
		return bench.MeasureGemm(o)
	})
}
