package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/domain"
)

var nameRE = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// propose asks for new domains and gives those that can be tried.
func (e *evolver) propose(ctx context.Context, round int) ([]Idea, error) {
	n := min(10, e.N-e.report.Accepted+1)
	messages := []chat.Message{
		{Role: chat.RoleSystem, Content: "You know how trades, offices and services of all kinds work and what software they use."},
		{Role: chat.RoleUser, Content: e.proposePrompt(n)},
	}
	for range 2 {
		text, stage, problem, err := e.ask(ctx, messages, 4096, true, round)
		if err != nil {
			return nil, err
		}
		if stage == StageModel {
			return nil, nil
		}
		ideas, err := parseIdeas(text)
		if problem == "" && err == nil {
			return e.usable(ideas), nil
		}
		if err == nil {
			err = errors.New(problem)
		}
		messages = append(messages, chat.Message{Role: chat.RoleAssistant, Content: answered(text)},
			chat.Message{Role: chat.RoleUser, Content: "This answer cannot be used: " + err.Error() + ". Answer again with the one JSON object."})
	}
	return nil, nil
}

func (e *evolver) proposePrompt(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Propose %d new domains for a collection of simulated business APIs. A domain is one trade with its own records, states, rules and operations, specific enough that an expert would recognise it. These are there or were tried; none of yours may be one of them under another name:\n\n", n)
	for _, c := range domain.Categories() {
		fmt.Fprintf(&b, "%s (%s):", c.Key, c.Title)
		for _, d := range e.verifier.domains {
			if d.Category == c.Key {
				b.WriteString(" " + d.Name)
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nTried before:")
	for _, c := range e.report.Candidates {
		b.WriteString(" " + c.Domain)
	}
	b.WriteString("\n\nSpread them over the categories, and prefer trades whose vocabulary is far from those above. Answer with one JSON object and nothing around it:\n" +
		`{"domains": [{"domain": "snake_case name", "category": "one of the keys above", "title": "what the API is about, in a few words", "about": "one sentence on its records"}]}`)
	return b.String()
}

// parseIdeas reads a proposal.
func parseIdeas(text string) ([]Idea, error) {
	var in struct {
		Domains []Idea `json:"domains"`
	}
	if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &in); err != nil {
		return nil, fmt.Errorf("it is not the one JSON object: %w", err)
	}
	if len(in.Domains) == 0 {
		return nil, errors.New(`"domains" is empty`)
	}
	return in.Domains[:min(len(in.Domains), 50)], nil
}

// usable picks the ideas that are new and well-formed.
func (e *evolver) usable(ideas []Idea) []Idea {
	var out []Idea
	for _, x := range ideas {
		e.report.Proposed++
		known := slices.ContainsFunc(domain.Categories(), func(c domain.Category) bool { return c.Key == x.Category })
		again := slices.ContainsFunc(out, func(y Idea) bool { return y.Domain == x.Domain })
		if !nameRE.MatchString(x.Domain) || len(x.Domain) > 40 || !known || again || e.taken(x.Domain) {
			e.report.Unusable++
			continue
		}
		x.Title, x.About = line(x.Title), line(x.About)
		out = append(out, x)
	}
	return out
}

// line is a text on one line, not too long.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}
