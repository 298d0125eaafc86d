package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/stage"
)

func newDataCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Turn text into shards, and look into shards",
		Long:  "Commands on the Arrow shards of token ids. docs/formats/shards.md describes the files.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newDataShardCommand(g), newDataInspectCommand(g))
	return cmd
}

func newDataShardCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out string
	cmd := &cobra.Command{
		Use:   "shard",
		Short: "Encode the run's text into shards, with a held-out split",
		Long: `Read the text that data.sources or --data name (folders of text, JSONL, Parquet, Arrow; .gz and .zst),
drop duplicates and what the filters reject, encode it with the run's tokenizer and write
data/shards/SOURCE/{train,val}. Each folder has a manifest.json with checksums and with the number
of documents dropped for each reason. Shards that are there already are kept.

` + exitCodeHelp,
		Example: `  muonclip data shard --out runs/books
  muonclip data shard --data corpus.jsonl.zst --set data.dedup_near=true --out runs/corpus`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			tok, err := r.Tokenizer(cmd.Context(), 1, 2)
			if err != nil {
				return err
			}
			if err := r.Shards(cmd.Context(), tok, 2, 2); err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "%s/data/shards\n", r.Dir)
			return err
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	return cmd
}

func newDataInspectCommand(g *globals) *cobra.Command {
	var asJSON bool
	var documents, tokens int
	cmd := &cobra.Command{
		Use:   "inspect FOLDER",
		Short: "Verify shards and show what is in them",
		Long: `Check every file of a shard folder, or of all shard folders of a run, against its checksum and show
sizes, the distribution of document lengths and the beginnings of some documents. A damaged file is
named and makes the exit code 3.

` + exitCodeHelp,
		Example: `  muonclip data inspect runs/tiny
  muonclip data inspect runs/tiny/data/shards/go-src/train --documents 5 --json`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			reports, err := stage.Inspect(args[0], documents, tokens)
			if err != nil {
				return err
			}
			if asJSON {
				err = g.writeJSON(reports)
			} else {
				err = reports.Print(g.stdout)
			}
			if err != nil {
				return err
			}
			return reports.Damage()
		},
	}
	addJSONFlag(cmd, &asJSON)
	cmd.Flags().IntVar(&documents, "documents", 3, "documents to show of each folder")
	cmd.Flags().IntVar(&tokens, "tokens", 64, "tokens to show of a document")
	return cmd
}
