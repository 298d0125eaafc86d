package env

import (
	"muonclip/data/chat"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// Score is how far a dialogue meets the rubric of its task.
type Score struct {
	Reward   float64        // 1 when nothing is missing, else the share of criteria met but never above 0.5
	Share    float64        // of the criteria that are met
	Passed   bool           // every criterion is met
	Failures []task.Failure // what is missing
	Calls    int
	Errors   int // calls that ended with an error which no fault explains
	Broken   int // rules broken by calls that took effect
}

// Judge scores a trajectory.
func Judge(tr *Trajectory) Score {
	e := EvidenceOf(tr)
	s := Score{Failures: tr.Task.Rubric.Judge(e), Calls: len(e.Calls)}
	for _, c := range tr.Record.Calls {
		if c.Code != "" && c.Fault == nil {
			s.Errors++
		}
		if c.Applied {
			s.Broken += len(c.Violated)
		}
	}
	s.Passed = len(s.Failures) == 0 && s.Broken == 0 && tr.Ended == "user"
	r := &tr.Task.Rubric
	criteria := 2 + len(r.Pattern) + len(r.Facts) + len(r.Notices)
	s.Share = float64(max(0, criteria-len(s.Failures)-s.Broken)) / float64(criteria)
	s.Reward = 0.5 * s.Share
	if s.Passed {
		s.Reward = 1
	}
	return s
}

// EvidenceOf collects what the agent did and said.
func EvidenceOf(tr *Trajectory) task.Evidence {
	e := task.Evidence{Hash: tr.Record.Final, Calls: make([]task.DoneCall, 0, len(tr.Record.Calls))}
	for _, c := range tr.Record.Calls {
		args, _ := value.Decode(c.Args)
		m, _ := args.(map[string]any)
		code := c.Code
		if c.Applied { // an answer may be lost, but what was done is done
			e.Writes++
			code = ""
		}
		e.Calls = append(e.Calls, task.DoneCall{Tool: c.Tool, Args: m, Code: code, Result: decoded(c.Result)})
	}
	for _, m := range tr.Dialogue.Messages {
		if m.Role == chat.RoleAssistant && m.Content != "" {
			e.Said = append(e.Said, value.Read(m.Content, tr.Task.Today))
		}
	}
	return e
}

func decoded(data []byte) any {
	v, err := value.Decode(data)
	if err != nil {
		return nil
	}
	return v
}
