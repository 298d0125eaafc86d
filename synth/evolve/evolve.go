// Package evolve lets a language model write new domains: it proposes trades that are not there yet and then writes the
// file of each. Nothing that it writes is believed. A file enters only when it parses, when its worlds keep their
// invariants and its tools pass their self-tests, when it is no copy of what is there, and when the scripted expert
// has proved dialogues on it. What fails goes back to the model with the problems, a few times.
package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/atomicfile"
	"muonclip/synth/domain"
	"muonclip/synth/teacher"
)

// Config configures Run.
type Config struct {
	Teacher teacher.Model
	N       int    // domains wanted
	Dir     string // where accepted files go as NAME.yaml, beside report.json; made if missing
	// Existing are the domains that are there, which also serve as examples; nil means those of Load(Dir).
	Existing    []*domain.Domain
	Repairs     int     // times that a file goes back with its problems; 0 means 3, negative none
	Candidates  int     // files begun at most; 0 means 3 N
	Temperature float64 // 0 means 0.8
	Bar         Bar     // what a file must pass
}

// ReportName is the file in Config.Dir that says what became of each candidate.
const ReportName = "report.json"

// Load reads the domains that come with the program and those in folders, and checks them together. Folders that are ""
// or missing are passed over.
func Load(dirs ...string) ([]*domain.Domain, error) {
	all, err := domain.Load()
	if err != nil {
		return nil, fmt.Errorf("evolve: %w", err)
	}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			continue
		}
		more, err := domain.LoadFS(os.DirFS(dir))
		if err != nil {
			return nil, fmt.Errorf("evolve: the domains in %s: %w", dir, err)
		}
		all = append(all, more...)
	}
	if ps := domain.Check(all); len(ps) > 0 {
		return nil, fmt.Errorf("evolve: %w", ps)
	}
	return all, nil
}

// Run lets the model propose and write domains until N are accepted or the candidates are used up. The report is written
// after each candidate, so that a run that ends early has lost nothing. The error is about the endpoint or the disk.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	v, err := newVerifier(ctx, c.Existing, c.Bar)
	if err != nil {
		return nil, err
	}
	e := &evolver{Config: c, verifier: v, report: &Report{Failures: map[Stage]int{}}}
	for round := 0; e.report.Accepted < c.N && len(e.report.Candidates) < c.Candidates; round++ {
		ideas, err := e.propose(ctx, round)
		if err != nil {
			return e.report, err
		}
		if len(ideas) == 0 {
			if e.dry++; e.dry == 3 {
				break
			}
			continue
		}
		e.dry = 0
		for _, idea := range ideas {
			if e.report.Accepted == c.N || len(e.report.Candidates) == c.Candidates {
				break
			}
			if err := e.candidate(ctx, idea); err != nil {
				return e.report, err
			}
		}
	}
	return e.report, e.save()
}

func (c *Config) setDefaults() error {
	if c.N <= 0 {
		return fmt.Errorf("evolve: %d domains are wanted, want 1 or more", c.N)
	}
	if c.Repairs == 0 {
		c.Repairs = 3
	}
	if c.Candidates <= 0 {
		c.Candidates = 3 * c.N
	}
	if c.Temperature == 0 {
		c.Temperature = 0.8
	}
	c.Bar.setDefaults()
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("evolve: %w", err)
	}
	if c.Existing == nil {
		var err error
		if c.Existing, err = Load(c.Dir); err != nil {
			return err
		}
	}
	return nil
}

// evolver is one run.
type evolver struct {
	Config
	verifier *verifier
	report   *Report
	dry      int // proposals in a row that held nothing new
}

// candidate lets the model write one domain and repair it. An error ends the run.
func (e *evolver) candidate(ctx context.Context, idea Idea) error {
	out := Candidate{Idea: idea}
	messages := e.writePrompt(idea)
	for attempt := 0; ; attempt++ {
		text, stage, problem, err := e.ask(ctx, messages, 16_384, false, attempt)
		if err != nil {
			return err
		}
		var rejection *Rejection
		if problem != "" {
			rejection = &Rejection{stage, []string{problem}}
		} else {
			data := []byte(extract(text))
			var passed *Passed
			passed, rejection = e.verifier.verify(ctx, idea.Domain+".yaml", data)
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("evolve: %w", err)
			}
			if passed != nil {
				if err := e.accept(&out, passed, data); err != nil {
					return err
				}
				break
			}
		}
		out.Attempts = append(out.Attempts, *rejection)
		if stage == StageModel || attempt >= e.Repairs {
			e.report.Failures[rejection.Stage]++
			break
		}
		messages = append(messages[:len(messages):len(messages)], chat.Message{Role: chat.RoleAssistant, Content: answered(text)},
			chat.Message{Role: chat.RoleUser, Content: repairPrompt(rejection)})
	}
	e.report.Candidates = append(e.report.Candidates, out)
	return e.save()
}

// accept writes the file and lets what follows know it.
func (e *evolver) accept(out *Candidate, passed *Passed, data []byte) error {
	path := filepath.Join(e.Dir, passed.Domain.Name+".yaml")
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("evolve: %s is there already and was not among the existing domains", path)
	}
	if err := atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return fmt.Errorf("evolve: %w", err)
	}
	out.Accepted, out.Passed = true, passed
	e.report.Accepted++
	e.verifier.add(passed)
	return nil
}

// ask asks the model. What the model makes of a request is a problem with its stage; an error is about the endpoint.
func (e *evolver) ask(ctx context.Context, messages []chat.Message, tokens int, asJSON bool, sample int) (text string, stage Stage, problem string, err error) {
	reply, err := e.Teacher.Chat(ctx, teacher.Request{
		Messages: messages, Temperature: e.Temperature, MaxTokens: tokens, Seed: int64(sample), JSON: asJSON, Purpose: "evolve", Sample: sample,
	})
	var content *teacher.ContentError
	switch {
	case errors.As(err, &content):
		return "", StageModel, content.Error(), nil
	case err != nil:
		return "", "", "", errors.Join(fmt.Errorf("evolve: %w", err), e.save())
	case reply.Finish == "length":
		return reply.Message.Content, StageParse, "the answer was cut at its limit of tokens: write a shorter file", nil
	}
	return reply.Message.Content, "", "", nil
}

// save writes the report.
func (e *evolver) save() error {
	data, err := json.MarshalIndent(e.report, "", "  ")
	if err != nil {
		return fmt.Errorf("evolve: %w", err)
	}
	err = atomicfile.Write(filepath.Join(e.Dir, ReportName), func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err })
	if err != nil {
		return fmt.Errorf("evolve: %w", err)
	}
	return nil
}

// answered is an answer as it goes back; endpoints refuse empty messages.
func answered(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(nothing)"
	}
	return s
}

// taken reports whether a domain of this name is there or was tried.
func (e *evolver) taken(name string) bool {
	return slices.ContainsFunc(e.verifier.domains, func(d *domain.Domain) bool { return d.Name == name }) ||
		slices.ContainsFunc(e.report.Candidates, func(c Candidate) bool { return c.Domain == name })
}
