package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"muonclip/internal/config"
	"muonclip/internal/stage"
)

func newSFTCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out, from string
	var dialogues []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sft",
		Short: "Fine-tune a model on dialogues",
		Long: `Fine-tune the model of a run folder, or any with --from, on dialogues: those made for the tasks of the
configuration, or your own with --dialogues, in JSON Lines or Parquet in the shapes of OpenAI or ShareGPT.

Dialogues are packed whole into rows, the best-fitting first; none is cut and none sees another. The loss is
on what the assistant wrote. Muon goes on with QK-Clip. The result is a run folder of its own, sft in the run
folder: checkpoints, metrics.jsonl with the held-out loss by kind of turn (call, answer, text), report.html. A run
that is killed and started again ends with the same bytes as one that was never stopped.

` + exitCodeHelp,
		Example: `  muonclip sft --preset tiny
  muonclip sft --out runs/books --dialogues my-dialogues.jsonl --set sft.epochs=2
  muonclip sft --from moonlight-hf --preset moonlight-16b-a3b --dialogues dialogues/parquet`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, func(c *config.Config) {
				for _, path := range dialogues {
					c.SFT.Data = append(c.SFT.Data, config.ChatData{Path: path})
				}
				if len(dialogues) > 0 {
					c.Tasks = nil
				}
			})
			if err != nil {
				return err
			}
			defer r.Close()
			if err := r.Dialogues(cmd.Context(), 1, 2); err != nil {
				return err
			}
			sum, err := r.SFT(cmd.Context(), from, 2, 2)
			if err != nil {
				return err
			}
			return g.printSummary(sum, asJSON)
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	cmd.Flags().StringVar(&from, "from", "", "run, checkpoint or model `FOLDER` to start from (default the run folder)")
	cmd.Flags().StringArrayVar(&dialogues, "dialogues", nil, "`PATH` of dialogues to learn from instead of those of tasks; may be repeated")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newRLCommand(g *globals) *cobra.Command {
	opts := configOptions{defaultPreset: "tiny"}
	var out, from string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rl",
		Short: "Train a model by what it does: tools, mathematics, code, instructions",
		Long: `Let the model of a run's SFT, or any with --from, act in the environments of the configured tasks, and train it
on the rewards with the objective of Kimi K1.5 and K2 (or GRPO, to compare). Before anything is trained,
every environment's own solution must earn the whole reward, and a silent and a random policy must not.

Rollouts are generated with the weights that are trained, token ids in and out. Each iteration stores them with
every component of their rewards and its evidence, and how far the trainer's log-probabilities are from those
recorded. The result is a run folder of its own, rl in the run folder. Killed and started again, it ends with the
same bytes. Kimi K2 published neither tau, K, the learning rate nor budgets: the values are ours.

` + exitCodeHelp,
		Example: `  muonclip rl --preset tiny
  muonclip rl --out runs/books --set rl.iterations=40 --set rl.objective=grpo`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := opts.open(g, out, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			if err := r.Dialogues(cmd.Context(), 1, 2); err != nil {
				return err
			}
			sum, err := r.RL(cmd.Context(), from, 2, 2)
			if err != nil {
				return err
			}
			return g.printSummary(sum, asJSON)
		},
	}
	opts.addFlags(cmd)
	addOutFlag(cmd, &out)
	cmd.Flags().StringVar(&from, "from", "", "run, checkpoint or model `FOLDER` to start from (default the run's SFT)")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newEvalTasksCommand(g *globals) *cobra.Command {
	var from modelOptions
	var o stage.EvalTasksOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tasks",
		Short: "Held-out success of a model in the environments of its tasks",
		Long: `Let a model act in held-out episodes of the tasks of its configuration: calls, tools of domains, problems and prompts
that no training saw. Success means the whole reward; intervals are Wilson's at 95 %.

` + exitCodeHelp,
		Example: `  muonclip eval tasks --model runs/tiny/sft
  muonclip eval tasks --model runs/tiny/rl --n 500 --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Model, err = from.folder(); err != nil {
				return err
			}
			o.Log = g.logger()
			res, err := stage.EvalTasks(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return g.writeJSON(res)
			}
			for _, name := range slices.Sorted(maps.Keys(res)) {
				s := res[name]
				if _, err := fmt.Fprintf(g.stdout, "%-14s %5.1f %%  (%.1f to %.1f, %d of %d)  mean reward %.3f, %.0f tokens\n",
					name, 100*s.Success.Share, 100*s.Success.Low, 100*s.Success.High, s.Success.Successes, s.Success.Of, s.Reward, s.Tokens); err != nil {
					return err
				}
				for _, part := range slices.Sorted(maps.Keys(s.Components)) {
					if _, err := fmt.Fprintf(g.stdout, "  %-22s %.3f\n", part, s.Components[part]); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	from.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Episodes, "n", 200, "episodes of each task")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of the episodes")
	f.Float64Var(&o.Temperature, "temperature", 0, "temperature of the tokens; 0 takes the likeliest")
	f.IntVar(&o.Threads, "threads", 0, "threads; 0 means all processors")
	addPlaceFlag(cmd, &o.Device)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
