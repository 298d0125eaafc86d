package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchGemmCommand(g *globals) *cobra.Command {
	var opts stepOptions
	var o bench.GemmOptions
	var presets []string
	cmd := &cobra.Command{
		Use:   "gemm",
		Short: "Compare every matrix product of a training step with OpenBLAS",
		Long: `Time every shape of matrix product that one training step of a model does, forward, backward and in
Newton-Schulz, with one thread and with all, in turn with OpenBLAS where its library is installed.
The shapes are gathered from the model itself; a batch is done as training does it, OpenBLAS takes
its products one after the other. Without --preset and --config it measures mini and small-moe.

With --device cuda it times the products as the GPU does them, and Muon's update of every shape of
matrix as a whole, beside the measured rate of a large product; OpenBLAS takes no part.

OPENBLAS_CORETYPE=Haswell and GODEBUG=cpu.avx512f=off hold both to AVX2.`,
		Example: `  muonclip bench gemm
  muonclip bench gemm --preset small-moe --batch 4 --seq 1024 --json
  muonclip bench gemm --device cuda --models dense-124m,small-moe --batch 32 --seq 1024
  muonclip bench gemm --openblas /opt/lib/libopenblas.so`,
	}
	opts.addFlags(cmd)
	addDeviceFlag(cmd, &opts.device)
	f := cmd.Flags()
	f.StringSliceVar(&presets, "models", nil, "presets to measure, in place of --preset")
	f.IntVar(&o.Rounds, "rounds", 5, "alternations of ours and theirs for each shape")
	f.StringVar(&o.Library, "openblas", "", "`FILE` of the OpenBLAS library (default: what the system's loader finds)")
	return benchCommand(g, cmd, func(context.Context) (measured, error) {
		if len(presets) == 0 && opts.config.preset == "" && opts.config.file == "" {
			presets = []string{"mini", "small-moe"}
		}
		names, steps, err := opts.each(presets)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			o.Models = append(o.Models, bench.GemmModel{Name: name, Step: steps[i]})
		}
		if steps[0].GPU != nil {
			return bench.MeasureGemmGPU(o)
		}
		return bench.MeasureGemm(o)
	})
}
