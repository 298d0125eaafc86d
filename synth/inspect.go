package synth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

// Find gives the row of a data set with an id, a key or the number of its candidate.
func Find(dir, name string) (*dataset.Row, error) {
	set, err := dataset.Open(dir)
	if err != nil {
		return nil, err
	}
	for r, err := range set.Rows() {
		if err != nil {
			return nil, err
		}
		if r.Dialogue.ID == name || r.Key == name || fmt.Sprint(r.Index) == name {
			return r, nil
		}
	}
	return nil, usage("%s has no dialogue with the id, key or number %q", dir, name)
}

// At gives the row at a position of a data set, counted from 0.
func At(dir string, position int) (*dataset.Row, error) {
	set, err := dataset.Open(dir)
	if err != nil {
		return nil, err
	}
	if position < 0 || position >= set.Manifest.Rows {
		return nil, usage("%s has no dialogue at position %d, it has %d", dir, position, set.Manifest.Rows)
	}
	rows, err := set.Pick([]int{position})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// PrintRow writes a dialogue for reading on a terminal: messages, calls with results, faults and state changes, then
// checks and rubric. Control characters are spelt out.
func PrintRow(w io.Writer, r *dataset.Row) error {
	p := &printer{w: w}
	p.line("%s  %s  kinds %s  difficulty %d  user %s", r.Dialogue.ID, plain(r.Domain), plain(strings.Join(r.Kinds, ", ")), r.Difficulty, plain(cmp.Or(r.Persona, "-")))
	p.line("candidate %d  key %s  plan %s  today %s", r.Index, plain(r.Key), plain(cmp.Or(r.Plan, dataset.PlanShape(r.Dialogue))), cmp.Or(r.Record.Today, "-"))
	var names []string
	for _, t := range r.Dialogue.Tools {
		names = append(names, t.Name)
	}
	p.line("%d tools: %s", len(names), plain(strings.Join(names, ", ")))
	records := map[string]dataset.CallRecord{}
	for _, c := range r.Record.Calls {
		records[c.ID] = c
	}
	for _, m := range r.Dialogue.Messages {
		switch {
		case m.Role == chat.RoleTool:
			p.line("  < %s", plain(m.Content))
			p.call(records[m.ToolCallID])
			continue
		case m.Content != "":
			p.line("\n%s%s: %s", strings.ToUpper(string(m.Role)), noLoss(m), plain(m.Content))
		case len(m.ToolCalls) > 0:
			p.line("\n%s%s", strings.ToUpper(string(m.Role)), noLoss(m))
		}
		for _, c := range m.ToolCalls {
			p.line("  > %s %s", plain(c.Name), plain(string(c.Arguments)))
		}
	}
	p.line("")
	for _, c := range r.Checks {
		mark := "ok  "
		if !c.Pass {
			mark = "FAIL"
		}
		p.line("%s %s %s", mark, plain(c.Name), plain(c.Detail))
	}
	if len(r.Rubric) > 0 {
		var b bytes.Buffer
		if err := json.Indent(&b, r.Rubric, "", "  "); err == nil {
			p.line("rubric %s", plain(b.String()))
		}
	}
	return p.err
}

func noLoss(m chat.Message) string {
	if m.NoLoss {
		return " (not learned)"
	}
	return ""
}

func (p *printer) call(c dataset.CallRecord) {
	if c.Fault != "" {
		p.line("    fault: %s", plain(c.Fault))
	}
	if c.Error != "" {
		p.line("    error: %s", plain(c.Error))
	}
	for _, x := range c.Changes {
		if x.Field == "" {
			p.line("    %s %s %s", x.Kind, plain(x.Entity), plain(x.ID))
			continue
		}
		p.line("    %s %s %s: %s %s -> %s", x.Kind, plain(x.Entity), plain(x.ID), plain(x.Field), plain(orNone(x.Before)), plain(orNone(x.After)))
	}
}

// plain spells out characters that could steer a terminal.
func plain(s string) string {
	if !strings.ContainsFunc(s, steering) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steering(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func steering(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != 0x200d)
}
