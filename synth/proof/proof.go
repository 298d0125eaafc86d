// Package proof checks finished dialogues. Each check has a name and gives evidence: the message or call in
// question and what is wrong with it. The checks read what was said and done, never how it came about, so they hold
// for a model's dialogues as for scripted ones. Defects can be planted into clean dialogues to measure what the
// checks catch.
package proof

import (
	"sync"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// The names of the checks.
const (
	Format     = "format"     // a well-formed dialogue
	Recorded   = "recorded"   // the dialogue shows what the record says
	Replayed   = "replayed"   // running it again gives the same bytes
	State      = "state"      // the final state is the goal
	Invariants = "invariants" // the final world is sound
	Schema     = "schema"     // arguments fit the schemas of offered tools
	Pattern    = "pattern"    // the calls that the rubric expects were made
	Told       = "told"       // the facts and the bad news are told
	Policy     = "policy"     // no rule was broken
	Consented  = "consented"  // operations that need consent had it
	Sourced    = "sourced"    // every argument comes from the user, a result or the instructions
	Grounded   = "grounded"   // every number, date, code and name that is told comes from there too
	Recovered  = "recovered"  // faults were dealt with
	Honest     = "honest"     // nothing that failed or was not done is claimed as done
	Writes     = "writes"     // nothing was changed more often than needed
	Asked      = "asked"      // what the user had not said was asked for
	Ended      = "ended"      // the dialogue came to its end
)

// Names lists the checks in the order in which they run.
func Names() []string {
	return []string{Format, Recorded, Replayed, State, Invariants, Schema, Pattern, Told, Policy, Consented, Sourced, Grounded, Recovered, Honest, Writes, Asked, Ended}
}

// Finding is one thing that is wrong.
type Finding struct {
	Check   string `json:"check"`
	Message int    `json:"message"` // -1: the dialogue as a whole
	Detail  string `json:"detail"`
}

// Report is what the checks found.
type Report struct {
	Findings []Finding `json:"findings"`
	Facts    int       `json:"facts"`     // facts that had to be told
	Calls    int       `json:"calls"`     // calls made
	Args     int       `json:"arguments"` // argument values whose source was looked for
	Atoms    int       `json:"atoms"`     // numbers, dates, codes and names whose source was looked for
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Failed lists the checks that found something, each once.
func (r *Report) Failed() []string {
	var out []string
	for _, n := range Names() {
		for _, f := range r.Findings {
			if f.Check == n {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

// Checker proves dialogues. It remembers the words of tools and may be used by many goroutines. The zero Checker is
// ready.
type Checker struct {
	words sync.Map // *tool.Tool to map[string]bool: the words of its declaration
}

// Prove runs all checks.
func (c *Checker) Prove(tr *env.Trajectory) *Report {
	p := &prover{checker: c, tr: tr, report: &Report{Facts: len(tr.Task.Rubric.Facts), Calls: len(tr.Record.Calls)}}
	p.read()
	p.format()
	p.recorded()
	p.replayed()
	p.rubric()
	p.changes()
	p.told()
	p.policy()
	p.consented()
	p.sources()
	p.recovered()
	p.honest()
	p.writes()
	p.asked()
	p.ended()
	return p.report
}

// Permitted runs the checks of what may be done at all: that no rule was broken and that what needs the user's consent
// had it. They hold for dialogues that were cut off, too.
func (c *Checker) Permitted(tr *env.Trajectory) []Finding {
	p := &prover{checker: c, tr: tr, report: &Report{}}
	p.read()
	p.report.Findings = nil // what read finds is about the form
	p.policy()
	p.consented()
	return p.report.Findings
}

// prover checks one dialogue.
type prover struct {
	checker *Checker
	tr      *env.Trajectory
	report  *Report
	texts   []*value.Text // of user's, system's and assistant's messages; nil for results
	results []any         // decoded results by message; nil for others
	calls   []call
	byMsg   map[int][]int // calls of an assistant's message
}

// call is a call of the dialogue with its place and result.
type call struct {
	message, result int // indices of messages; result -1 when there is none
	tool            *tool.Tool
	name            string
	raw             string
	args            map[string]any
	problem         env.Problem
	failed          bool
	out             any
	rec             *env.Call // what the record says of it; nil when it says nothing
}

func (p *prover) found(check string, message int, detail string) {
	p.report.Findings = append(p.report.Findings, Finding{check, message, detail})
}

// read prepares texts, results and calls.
func (p *prover) read() {
	msgs := p.tr.Dialogue.Messages
	p.texts, p.results = make([]*value.Text, len(msgs)), make([]any, len(msgs))
	p.byMsg = map[int][]int{}
	open := map[string]int{}
	for i, m := range msgs {
		if m.Role == chat.RoleTool {
			v, err := value.Decode([]byte(m.Content))
			if err != nil {
				p.found(Format, i, "the result is no JSON: "+err.Error())
			}
			p.results[i] = v
			if k, ok := open[m.ToolCallID]; ok {
				p.calls[k].result, p.calls[k].out = i, v
				p.calls[k].problem, p.calls[k].failed = env.ParseProblem(v)
			}
			continue
		}
		p.texts[i] = value.Read(m.Content, p.tr.Task.Today)
		for _, tc := range m.ToolCalls {
			v, err := value.Decode(tc.Arguments)
			args, ok := v.(map[string]any)
			if err != nil || !ok {
				p.found(Schema, i, "the arguments of "+tc.Name+" are no JSON object")
			}
			k := len(p.calls)
			x := call{message: i, result: -1, tool: p.tr.Task.Tool(tc.Name), name: tc.Name, raw: string(tc.Arguments), args: args}
			if k < len(p.tr.Record.Calls) {
				x.rec = &p.tr.Record.Calls[k]
			}
			p.calls = append(p.calls, x)
			open[tc.ID] = k
			p.byMsg[i] = append(p.byMsg[i], k)
		}
	}
}
