package evolve

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Stage is a step that a candidate must pass.
type Stage string

// The stages in their order. StageModel and StageTime may come at any point.
const (
	StageModel    Stage = "model"          // the model gave no answer
	StageParse    Stage = "parse"          // the file parses and keeps the format
	StageUnique   Stage = "unique"         // name and service are new
	StageCompile  Stage = "compile"        // invariants and rules compile
	StageWorld    Stage = "world"          // worlds can be made and keep their invariants
	StageTools    Stage = "tools"          // tools can be evolved
	StageSelfTest Stage = "self_test"      // they pass their self-tests
	StageNear     Stage = "near_duplicate" // it is no copy of what is there
	StageTasks    Stage = "tasks"          // tasks of several kinds can be sampled
	StageProof    Stage = "proof"          // the scripted expert proves dialogues
	StageTime     Stage = "time"           // all that within the time
)

// Stages lists the stages.
func Stages() []Stage {
	return []Stage{StageModel, StageParse, StageUnique, StageCompile, StageWorld, StageTools, StageSelfTest, StageNear, StageTasks, StageProof, StageTime}
}

// Idea is a domain that was proposed.
type Idea struct {
	Domain   string `json:"domain"`
	Category string `json:"category"`
	Title    string `json:"title"`
	About    string `json:"about"`
}

// Rejection is why a file was not accepted.
type Rejection struct {
	Stage    Stage    `json:"stage"`
	Problems []string `json:"problems"`
}

// Candidate is what became of an idea.
type Candidate struct {
	Idea
	Accepted bool        `json:"accepted"`
	Attempts []Rejection `json:"attempts,omitempty"` // the files that failed, in order
	Passed   *Passed     `json:"passed,omitempty"`
}

// Report is what a run did. A candidate that was not accepted counts in Failures under the stage of its last file.
type Report struct {
	Proposed   int           `json:"proposed"` // ideas of the model
	Unusable   int           `json:"unusable"` // of them: known already, or in no category
	Accepted   int           `json:"accepted"`
	Failures   map[Stage]int `json:"failures"`
	Candidates []Candidate   `json:"candidates"`
}

// Print writes the report as text.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "proposed\t%d, of which %d unusable\n", r.Proposed, r.Unusable)
	fmt.Fprintf(t, "candidates\t%d\n", len(r.Candidates))
	for _, s := range Stages() {
		if n := r.Failures[s]; n > 0 {
			fmt.Fprintf(t, "failed at %s\t%d\n", s, n)
		}
	}
	fmt.Fprintf(t, "accepted\t%d\n", r.Accepted)
	for _, c := range r.Candidates {
		if c.Accepted {
			fmt.Fprintf(t, "%s\t%d tools, %d dialogues of %d kinds proved, after %d repairs\n",
				c.Domain, c.Passed.Tools, c.Passed.Proved, c.Passed.Kinds, len(c.Attempts))
			continue
		}
		last := c.Attempts[len(c.Attempts)-1]
		fmt.Fprintf(t, "%s\tdropped at %s: %s\n", c.Domain, last.Stage, last.Problems[0])
	}
	return t.Flush()
}
