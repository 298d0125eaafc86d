package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"muonclip/data/chat"
	"muonclip/data/chat/schema"
	"muonclip/internal/train"
	"muonclip/model/generate"
	"muonclip/synth/agent"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/teacher"
)

// Actor is a model of our own that is the assistant in dialogues of package synth.
type Actor struct {
	model     *Trained
	engine    *generate.Engine[float32]
	format    chat.Format
	arguments schema.Validator
	sampling  generate.SampleOptions
	mu        sync.Mutex // the engine is used by one goroutine at a time
}

// turnTokens is the longest turn that an Actor writes.
const turnTokens = 512

// OpenActor loads the model of a run, checkpoint or Hugging Face folder to where its run trains. A GPU is its own until the
// program ends. Temperature 0 takes the likeliest token.
func OpenActor(dir string, temperature float64, log *slog.Logger) (*Actor, error) {
	m, err := OpenTrained(dir, 0, log)
	if err != nil {
		return nil, err
	}
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s has no tokenizer, so nobody can read what the model writes: put its tokenizer.json there", dir)
	}
	if err := m.Move("", log); err != nil {
		return nil, err
	}
	a := &Actor{model: m, engine: generate.New(m.Model, m.Place()), format: chat.K2{}, sampling: generate.SampleOptions{Temperature: temperature}}
	if name := m.Config.SFT.Format; name != "" {
		if a.format, err = chat.ByName(name); err != nil {
			return nil, UsageError{err}
		}
	}
	return a, a.sampling.Validate()
}

// Describe says what its words depend on beside the task.
func (a *Actor) Describe() map[string]string {
	return map[string]string{
		"agent_weights": train.Fingerprint(a.model.Model), "agent_sampling": fmt.Sprintf("temperature %v, at most %d tokens a turn", a.sampling.Temperature, turnTokens),
	}
}

// Agent makes the assistant of a task's dialogue.
func (a *Actor) Agent(t *task.Task) (env.Agent, error) {
	w := &actorWriter{Actor: a, sampling: a.sampling}
	w.sampling.Seed = uint64(teacher.Seed(t.Key))
	return agent.New(agent.Config{Writer: w, Tokenizer: a.model.Tokenizer, Format: a.format, Arguments: &a.arguments})
}

// actorWriter writes the turns of one dialogue.
type actorWriter struct {
	*Actor
	sampling generate.SampleOptions
}

// Write implements agent.Writer.
func (w *actorWriter) Write(ctx context.Context, prompt, stop []int32) ([]int32, error) {
	room := w.engine.Config().MaxPositionEmbeddings - len(prompt)
	if room <= 0 {
		return nil, agent.ErrFull
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	done, err := w.engine.Generate(ctx, generate.Request{
		Prompts: [][]int32{prompt}, MaxTokens: min(room, turnTokens), Sample: w.sampling, Stop: stop,
	})
	if err != nil {
		return nil, err
	}
	if len(done) == 0 {
		return nil, errors.New("the model wrote nothing")
	}
	return done[0].IDs, nil
}
