package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Stages of training; Config.Stage names one of them.
const (
	StagePretrain = "" // the configuration as it is
	StageSFT      = "sft"
	StageRL       = "rl"
)

// Task is something that a model learns to do after pretraining: an environment that can show it, score it and keep
// some of it out of training.
type Task struct {
	Name          string   `json:"name" doc:"name in reports; empty means the environment's"`
	Env           string   `json:"env" enum:"tools|math|code|instructions|open" doc:"environment: tools (worlds of the dialogue generator), math, code (unit tests in a sandbox), instructions (IFEval constraints) or open (answers that only a critic can rank)"`
	Kinds         []string `json:"kinds" doc:"kinds of tasks of the environment, each with a weight if you like, such as single_call=3; empty means its own mixture"`
	Domains       []string `json:"domains" doc:"tools: domains to act in, at least two; of their tasks, those with a tenth of all possible calls are held out. Empty means all domains but a part that is held out whole"`
	Compact       bool     `json:"compact" doc:"tools: short tasks for small contexts, with one request and at most three tools"`
	Terse         bool     `json:"terse" doc:"math: problems as short as 7+5="`
	MinDifficulty int      `json:"min_difficulty" doc:"easiest tasks, 1 to 5; 0 means 1"`
	MaxDifficulty int      `json:"max_difficulty" doc:"hardest tasks, 1 to 5; 0 means 5"`
	Path          string   `json:"path" doc:"file of problems instead of generated ones: GSM8K or MATH (math), HumanEval or MBPP (code), IFEval (instructions), prompts as JSON Lines (open)"`
	Dialogues     int      `json:"dialogues" doc:"solved tasks to make for SFT; 0 for none"`
	AnswersOnly   float64  `json:"answers_only" doc:"math: share of these dialogues that give the answer without the working, as much of what people write does, 0 to 1; reinforcement learning can find out which pays"`
	Share         float64  `json:"share" doc:"part of the prompts of reinforcement learning, relative to the others; 0 for none"`
	Reward        []string `json:"reward" doc:"components of the reward with their weights, such as solved=1; empty weighs all alike"`
	Gates         []string `json:"gates" doc:"components that must be 1 for any reward"`
	MaxTokens     int      `json:"max_tokens" doc:"tokens that the model may write in an episode; 0 means the environment's own budget"`
}

// Label is the task's name: name, or env.
func (t Task) Label() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Env
}

// Weights reads a list such as single_call=3: names with their numbers, 1 where none is given.
func Weights(list []string) (map[string]float64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := map[string]float64{}
	for _, entry := range list {
		name, number, given := strings.Cut(entry, "=")
		weight := 1.0
		if given {
			var err error
			if weight, err = strconv.ParseFloat(strings.TrimSpace(number), 64); err != nil || !(weight >= 0) {
				return nil, fmt.Errorf("config: %q, want a name or name=number, the number 0 or more", entry)
			}
		}
		out[strings.TrimSpace(name)] = weight
	}
	return out, nil
}

// ChatData is dialogues in files.
type ChatData struct {
	Name   string  `json:"name" doc:"name in reports; empty means the last element of path"`
	Path   string  `json:"path" doc:"file or folder of dialogues: JSON Lines or Parquet in the shapes of OpenAI or ShareGPT"`
	Weight float64 `json:"weight" doc:"share of the rows drawn from it, relative to the others; 0 means in proportion to its size"`
}

// SFT is supervised fine-tuning on dialogues.
type SFT struct {
	Data            []ChatData `json:"data" role:"identity" doc:"dialogues beside those of tasks"`
	Format          string     `json:"format" role:"identity" enum:"kimi-k2|hermes" doc:"chat format"`
	Epochs          float64    `json:"epochs" doc:"how often every dialogue is used"`
	BatchSize       int        `json:"batch_size" doc:"rows in one optimizer step; a row holds several dialogues"`
	MicroBatchSize  int        `json:"micro_batch_size" doc:"rows of one forward pass; must divide batch_size; 0 means batch_size"`
	SeqLen          int        `json:"seq_len" doc:"tokens in a row; longer dialogues are left out, none is cut"`
	LR              float64    `json:"lr" doc:"peak learning rate"`
	WarmupSteps     int        `json:"warmup_steps" doc:"steps of linear warm-up from 0"`
	DecayFraction   float64    `json:"decay_fraction" doc:"share of all steps in which the rate falls, 0 to 1"`
	MinLRRatio      float64    `json:"min_lr_ratio" doc:"final learning rate as a share of lr"`
	ValFraction     float64    `json:"val_fraction" role:"identity" doc:"share of the dialogues held out for the loss by kind of turn, 0 to below 1"`
	EvalEvery       int        `json:"eval_every" doc:"steps between evaluations; 0 evaluates only at the end"`
	CheckpointEvery int        `json:"checkpoint_every" doc:"steps between checkpoints; 0 saves only at the end and on interruption"`
}

// RL is reinforcement learning on tasks. Kimi K1.5 and K2 publish neither tau, the number of samples, the learning rate, the
// PTX weight, the temperatures nor the budgets: all of these are ours.
type RL struct {
	Iterations       int     `json:"iterations" doc:"rounds of collecting rollouts and learning from them"`
	Prompts          int     `json:"prompts" doc:"tasks begun in an iteration"`
	Samples          int     `json:"samples" doc:"rollouts of a task, K in the papers; their mean reward is the baseline"`
	Updates          int     `json:"updates" doc:"optimizer steps of an iteration, each on its part of the tasks"`
	Objective        string  `json:"objective" enum:"k2|grpo" doc:"k2 (squared form of Kimi K1.5, eq. 2) or grpo for comparison"`
	Tau              float64 `json:"tau" doc:"k2: strength with which the policy is held to the one that wrote the rollouts"`
	Clip             float64 `json:"clip" doc:"grpo: clip range of the probability ratio"`
	LR               float64 `json:"lr" doc:"peak learning rate"`
	WarmupSteps      int     `json:"warmup_steps" doc:"steps of linear warm-up from 0"`
	DecayFraction    float64 `json:"decay_fraction" doc:"share of all steps, the last ones, in which the rate falls to 0; 0 keeps it"`
	Temperature      float64 `json:"temperature" doc:"of the first iteration's rollouts"`
	FinalTemperature float64 `json:"final_temperature" doc:"of the last iteration's rollouts; a straight line between"`
	TopP             float64 `json:"top_p" doc:"sample from the smallest set with this much probability; 0 or 1 means all"`
	MaxTokens        int     `json:"max_tokens" doc:"tokens that the model may write in an episode without a budget of its own"`
	MaxLength        int     `json:"max_length" doc:"tokens of a whole dialogue; 0 means model.max_position_embeddings"`
	CutPenalty       float64 `json:"cut_penalty" doc:"taken from the reward of a rollout that used up its tokens or turns"`
	TokenBudget      int     `json:"token_budget" doc:"tokens that the model writes in an iteration; rollouts that are not done then go on in the next one; 0 means no limit"`
	PTXWeight        float64 `json:"ptx_weight" doc:"weight of the SFT loss mixed into each step; 0 for none"`
	PTXRows          int     `json:"ptx_rows" doc:"rows of SFT dialogues in each step"`
	MaxBatch         int     `json:"max_batch" doc:"rollouts generated at a time; never changes a result unless token_budget ends an iteration"`
	MicroBatchSize   int     `json:"micro_batch_size" doc:"rows of one forward pass; the last pass of a step may have fewer; 0 means all"`
	Critic           bool    `json:"critic" doc:"the policy ranks its own open answers by rubrics, kept honest on answers that a program verifies"`
	Rubrics          string  `json:"rubrics" doc:"YAML file with rubrics of your own for the critic; empty for none"`
	EvalEvery        int     `json:"eval_every" doc:"iterations between evaluations on held-out tasks; 0 evaluates only in the comparison at the end of muonclip run"`
	EvalEpisodes     int     `json:"eval_episodes" doc:"held-out tasks of each sort in an evaluation"`
	CheckpointEvery  int     `json:"checkpoint_every" doc:"iterations between checkpoints; 0 saves only at the end and on interruption"`
}

// For returns the configuration of a later stage: its training settings take the place of those of pretraining, and
// what it does not depend on is left out.
func (c Config) For(stage string) Config {
	c.Stage = stage
	t := &c.Train
	switch stage {
	case StageSFT:
		s := c.SFT
		t.BatchSize, t.MicroBatchSize, t.SeqLen, t.LR, t.Schedule = s.BatchSize, s.MicroBatchSize, s.SeqLen, s.LR, "wsd"
		t.WarmupSteps, t.DecaySteps, t.DecayFraction, t.MinLRRatio = s.WarmupSteps, 0, s.DecayFraction, s.MinLRRatio
		t.EvalEvery, t.CheckpointEvery, t.SampleEvery, t.SamplePrompts = s.EvalEvery, s.CheckpointEvery, 0, nil
		c.RL = RL{}
	case StageRL:
		r := c.RL
		t.Steps, t.Tokens = r.Iterations*r.Updates, 0
		t.BatchSize, t.MicroBatchSize, t.LR, t.Schedule = r.Prompts*r.Samples, r.MicroBatchSize, r.LR, "constant"
		if r.DecayFraction > 0 {
			t.Schedule = "wsd"
		}
		t.WarmupSteps, t.DecaySteps, t.DecayFraction, t.MinLRRatio = r.WarmupSteps, 0, r.DecayFraction, 0
		t.EvalEvery, t.CheckpointEvery, t.SampleEvery, t.SamplePrompts = 0, r.CheckpointEvery*r.Updates, 0, nil
		t.RouterBiasUpdateRate = 0 // rollouts and training must route alike
		t.Spike.Action = "off"
	}
	return c
}

// covers reports whether a stage depends on a key: pretraining not on what comes after it.
func covers(stage, key string) bool {
	section, _, _ := strings.Cut(key, ".")
	section, _, _ = strings.Cut(section, "[")
	switch section {
	case "tasks", StageSFT:
		return stage != StagePretrain
	case StageRL:
		return stage == StageRL
	}
	return true
}

func (c Config) checkLater(ck *checker) {
	names := map[string]int{}
	for i, t := range c.Tasks {
		key := fmt.Sprintf("tasks[%d]", i)
		if t.Env == "" {
			ck.bad("%s.env is empty, want tools, math, code, instructions or open", key)
		}
		if j, twice := names[t.Label()]; twice {
			ck.bad("tasks[%d] and [%d] are both named %q, give each its own name", j, i, t.Label())
		}
		names[t.Label()] = i
		ck.within(key+".min_difficulty", float64(t.MinDifficulty), 0, 5)
		ck.within(key+".max_difficulty", float64(t.MaxDifficulty), 0, 5)
		for _, n := range []struct {
			key string
			v   float64
		}{{"dialogues", float64(t.Dialogues)}, {"share", t.Share}, {"max_tokens", float64(t.MaxTokens)}} {
			ck.notNegative(key+"."+n.key, n.v)
		}
		ck.within(key+".answers_only", t.AnswersOnly, 0, 1)
		for name, list := range map[string][]string{"kinds": t.Kinds, "reward": t.Reward} {
			if _, err := Weights(list); err != nil {
				ck.bad("%s.%s: %v", key, name, err)
			}
		}
	}
	if len(c.Tasks) == 0 && len(c.SFT.Data) == 0 {
		return
	}
	s := c.SFT
	ck.positive("sft.epochs", s.Epochs)
	ck.positive("sft.batch_size", float64(s.BatchSize))
	ck.positive("sft.seq_len", float64(s.SeqLen))
	ck.positive("sft.lr", s.LR)
	ck.share("sft.val_fraction", s.ValFraction)
	ck.within("sft.min_lr_ratio", s.MinLRRatio, 0, 1)
	ck.within("sft.decay_fraction", s.DecayFraction, 0, 1)
	if s.MicroBatchSize < 0 || s.MicroBatchSize > 0 && s.BatchSize%s.MicroBatchSize != 0 {
		ck.bad("sft.micro_batch_size is %d, want a divisor of sft.batch_size %d, or 0", s.MicroBatchSize, s.BatchSize)
	}
	if s.SeqLen > c.Model.MaxPositionEmbeddings {
		ck.bad("sft.seq_len %d is above model.max_position_embeddings %d", s.SeqLen, c.Model.MaxPositionEmbeddings)
	}
	if c.RL.Iterations == 0 {
		return
	}
	r := c.RL
	ck.positive("rl.prompts", float64(r.Prompts))
	ck.positive("rl.updates", float64(r.Updates))
	ck.positive("rl.lr", r.LR)
	ck.within("rl.decay_fraction", r.DecayFraction, 0, 1)
	if r.Samples < 2 {
		ck.bad("rl.samples is %d, want at least 2: the baseline of a rollout is the mean of its group", r.Samples)
	}
	for _, n := range []struct {
		key string
		v   float64
	}{
		{"iterations", float64(r.Iterations)}, {"tau", r.Tau}, {"temperature", r.Temperature}, {"final_temperature", r.FinalTemperature},
		{"cut_penalty", r.CutPenalty}, {"token_budget", float64(r.TokenBudget)}, {"ptx_weight", r.PTXWeight}, {"max_tokens", float64(r.MaxTokens)}, {"max_length", float64(r.MaxLength)}, {"eval_episodes", float64(r.EvalEpisodes)},
		{"micro_batch_size", float64(r.MicroBatchSize)},
	} {
		ck.notNegative("rl."+n.key, n.v)
	}
	if r.Prompts < r.Updates {
		ck.bad("rl.updates %d is above rl.prompts %d, want at least one task for each step", r.Updates, r.Prompts)
	}
}
