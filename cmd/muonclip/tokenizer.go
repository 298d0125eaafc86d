package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newTokenizerCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokenizer",
		Short: "Train a tokenizer",
		Long:  "Commands on the byte-level BPE tokenizer of a run.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newTokenizerTrainCommand(g))
	return cmd
}

func newTokenizerTrainCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out string
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Learn a byte-level BPE vocabulary from the run's text",
		Long: `Train a byte-level BPE tokenizer with Kimi K2's pre-tokenizer and special tokens on the text that
data.sources or --data name, or copy the one that tokenizer.path names. The run folder gets
data/tokenizer/ with tokenizer.json, tokenizer_config.json and tiktoken.model, which Hugging Face
tokenizers and tiktoken read. A folder that has a tokenizer keeps it.

` + exitCodeHelp,
		Example: `  muonclip tokenizer train --data ~/books --set model.vocab_size=8192 --out runs/books
  muonclip tokenizer train --preset mini --set tokenizer.path=~/llama/tokenizer.json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			tok, err := r.Tokenizer(cmd.Context(), 0, 0)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "%s/data/tokenizer: %d tokens, fingerprint %s\n", r.Dir, tok.VocabSize(), tok.Fingerprint())
			return err
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	return cmd
}
