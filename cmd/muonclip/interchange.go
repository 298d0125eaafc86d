package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muonclip/internal/config"
	"muonclip/internal/safetensors"
	"muonclip/internal/stage"
	"muonclip/model/hf"
)

func newExportCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write a trained model for other programs",
		Long:  "Commands that write a trained model in other programs' formats.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newExportHFCommand(g))
	return cmd
}

func newExportHFCommand(g *globals) *cobra.Command {
	var from modelOptions
	var to, dtype string
	var shard int64
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "hf",
		Short: "Write a Hugging Face model folder",
		Long: `Write a checkpoint as a folder that Hugging Face transformers and what reads its layout can load:
config.json (deepseek_v3, or llama for dense models with grouped-query attention), safetensors,
generation_config.json, the tokenizer and Kimi K2's chat template. The folder appears whole or not
at all. docs/formats/hf.md lists the files.

` + exitCodeHelp,
		Example: `  muonclip export hf --to tiny-hf
  muonclip export hf --model runs/tiny --to tiny-hf --dtype bf16 --shard-size 1000000000`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			types := map[string]safetensors.DType{"f32": safetensors.F32, "bf16": safetensors.BF16}
			d, ok := types[dtype]
			if !ok {
				return usageError{fmt.Errorf("--dtype is %q, want f32 or bf16", dtype)}
			}
			folder, err := from.folder()
			if err != nil {
				return err
			}
			var rep *stage.Exported
			err = orInterrupted(cmd.Context(), func() (err error) {
				rep, err = stage.ExportHF(folder, to, hf.Options{DType: d, MaxShardBytes: shard, Force: force}, g.logger())
				return err
			})
			if err != nil {
				return err
			}
			for _, w := range rep.Warnings {
				g.logger().Warn(w)
			}
			if asJSON {
				return g.writeJSON(rep)
			}
			for _, name := range rep.Files {
				fmt.Fprintf(g.stdout, "%s/%s\n", to, name)
			}
			return nil
		},
	}
	from.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "`FOLDER` to write")
	f.StringVar(&dtype, "dtype", "f32", "f32 or bf16")
	f.Int64Var(&shard, "shard-size", 0, "largest safetensors file in bytes; 0 means 5 GB")
	f.BoolVar(&force, "force", false, "replace an earlier export")
	addJSONFlag(cmd, &asJSON)
	required(cmd, "to")
	return cmd
}

func newImportCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Start a run from another program's model",
		Long:  "Commands that read models in other programs' formats.\n\n" + exitCodeHelp,
	}
	group(cmd)
	cmd.AddCommand(newImportHFCommand(g))
	return cmd
}

func newImportHFCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var from, out string
	cmd := &cobra.Command{
		Use:   "hf",
		Short: "Make a run folder from a Hugging Face model folder",
		Long: `Read a deepseek_v3, kimi_k2 or llama model (safetensors in BF16, F16 or F32) and make a run folder
whose first checkpoint it is. All keys but the model section come from the configuration, so that
training can go on: give text with --data. Missing and extra tensors are listed by name.

` + exitCodeHelp,
		Example: `  muonclip import hf --from hf-folder --out runs/tuned --data ~/books --set train.steps=100
  muonclip run --out runs/tuned`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := hf.ReadConfig(from)
			if err != nil {
				return err
			}
			r, err := opts.open(g, out, func(c *config.Config) { c.Model = cfg })
			if err != nil {
				return err
			}
			defer r.Close()
			if err := r.ImportHF(from); err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.stdout, "%s is ready to train: muonclip run --out %s\n", r.Dir, r.Dir)
			return err
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	cmd.Flags().StringVar(&from, "from", "", "model `FOLDER` in Hugging Face layout")
	required(cmd, "from")
	return cmd
}
