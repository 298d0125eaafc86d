package judge

import (
	"context"
	"errors"
	"fmt"

	"muonclip/data/chat"
	"muonclip/synth/teacher"
)

// Model is a judge behind an endpoint.
type Model struct {
	Teacher teacher.Model
	Label   string // name of the model, for tables and manifests
	Samples int    // votes, of which the majority counts; 0 means 1
	// Temperature of the votes; 0 means 0 for a single vote and 0.7 for several, which would all be the same otherwise.
	Temperature float64
	MaxTokens   int // of an answer; 0 means 1024
}

var _ Judge = Model{}

// Name names the model and the number of votes.
func (m Model) Name() string { return fmt.Sprintf("%s, %d votes", m.Label, max(1, m.Samples)) }

// Judge takes the votes and gives what most of them say.
func (m Model) Judge(ctx context.Context, c Case) (Verdict, error) {
	messages := prompt(c)
	votes := make([]Verdict, max(1, m.Samples))
	for i := range votes {
		var err error
		if votes[i], err = m.vote(ctx, messages, len(c.Dialogue.Messages), i); err != nil {
			return Verdict{}, err
		}
	}
	return majority(votes), nil
}

// vote asks once, and once more where the answer breaks the form. What still cannot be understood is unknown.
func (m Model) vote(ctx context.Context, messages []chat.Message, count, sample int) (Verdict, error) {
	r := teacher.Request{
		Messages: messages, Temperature: m.Temperature, MaxTokens: m.MaxTokens, Seed: int64(sample), JSON: true,
		Purpose: "judge", Sample: sample,
	}
	if r.Temperature == 0 && m.Samples > 1 {
		r.Temperature = 0.7
	}
	if r.MaxTokens == 0 {
		r.MaxTokens = 1024
	}
	var problem error
	for range 2 {
		reply, err := m.Teacher.Chat(ctx, r)
		var content *teacher.ContentError
		switch {
		case errors.As(err, &content): // the model does not answer this; that is no fault of the endpoint
			return Verdict{Outcome: Unknown, Message: -1, Reason: content.Error()}, nil
		case err != nil:
			return Verdict{}, fmt.Errorf("judge: %w", err)
		}
		v, err := parse(reply.Message.Content, count)
		if err == nil {
			return v, nil
		}
		problem = err
		r.Messages = append(r.Messages[:len(r.Messages):len(r.Messages)],
			chat.Message{Role: chat.RoleAssistant, Content: said(reply.Message.Content)},
			chat.Message{Role: chat.RoleUser, Content: "This answer cannot be used: " + err.Error() + ". Answer again with exactly the one JSON object that was asked for."})
	}
	return Verdict{Outcome: Unknown, Message: -1, Reason: "no usable answer in two attempts: " + problem.Error()}, nil
}

// said is an answer as it goes back to the model; endpoints refuse empty messages, and much of a long one helps nobody.
func said(s string) string {
	const most = 4000
	switch {
	case s == "":
		return "(nothing)"
	case len(s) > most:
		return s[:most]
	}
	return s
}

// majority gives the verdict that more than half of the votes share; where none is, it is unknown. Whose fault it is
// and the reason come from the votes of the winning side: the fault that most of them name, the first of Faults in doubt.
func majority(votes []Verdict) Verdict {
	count := map[Outcome]int{}
	faults := map[Fault]int{}
	for _, v := range votes {
		count[v.Outcome]++
		if v.Outcome == Fail {
			faults[v.Fault]++
		}
	}
	out := Verdict{Outcome: Unknown, Message: -1, Reason: "the votes are divided"}
	for _, o := range []Outcome{Pass, Fail, Unknown} {
		if 2*count[o] > len(votes) {
			out.Outcome = o
		}
	}
	if out.Outcome == Fail {
		for _, f := range Faults() {
			if faults[f] > faults[out.Fault] {
				out.Fault = f
			}
		}
	}
	same := 0
	for i := len(votes) - 1; i >= 0; i-- {
		if v := votes[i]; v.Outcome == out.Outcome && v.Fault == out.Fault {
			same++
			out.Criterion, out.Message, out.Reason = v.Criterion, v.Message, v.Reason
		}
	}
	out.Votes, out.Agreement = len(votes), float64(same)/float64(len(votes))
	return out
}
