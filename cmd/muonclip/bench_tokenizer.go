package main

import (
	"context"

	"github.com/spf13/cobra"

	"muonclip/internal/bench"
)

func newBenchTokenizerCommand(g *globals) *cobra.Command {
	config := configOptions{defaultPreset: "tiny"}
	var o bench.TokenizerOptions
	var size float64
	cmd := &cobra.Command{
		Use:   "tokenizer",
		Short: "Time learning a vocabulary and encoding text on one core",
		Long: `Read text from the sources of the configuration, or from --data, learn a vocabulary on it, and encode and
decode it again. All of it runs on one core unless --cores allows learning more. Reading the text is not
part of any figure, and text is never repeated: where there is less than --bytes, less is measured.`,
		Example: `  muonclip bench tokenizer --vocab 32768 --bytes 50e6
  muonclip bench tokenizer --data ~/books --vocab 8192 --json`,
	}
	config.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Vocab, "vocab", 32768, "ids of the vocabulary, special tokens included")
	f.Float64Var(&size, "bytes", 50e6, "bytes of text")
	f.IntVar(&o.Rounds, "rounds", 5, "timed passes of encoding over the text, after the first")
	f.IntVar(&o.Cores, "cores", 1, "cores that learn the vocabulary")
	return benchCommand(g, cmd, func(ctx context.Context) (measured, error) {
		cfg, _, err := config.load()
		if err != nil {
			return nil, err
		}
		if o.Docs, _, err = bench.Text(ctx, cfg.Data.Sources, int64(size)); err != nil {
			return nil, err
		}
		return bench.MeasureTokenizer(ctx, o)
	})
}
