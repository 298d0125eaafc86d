package codeenv

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/rl/env"
	"muonclip/rl/reward"
)

// episode is one task and the turn that answers it.
type episode struct {
	env.OneTurn
	env  *Env
	task Task
}

const maxCode = 64 << 10 // bytes of a program

// Score implements env.Episode. The evidence of correct ends with the code that was judged.
func (e *episode) Score(ctx context.Context) ([]reward.Component, error) {
	start := time.Now()
	tests, correct := reward.Component{Name: "tests"}, reward.Component{Name: "correct"}
	format, tampering := reward.Component{Name: "format"}, reward.Component{Name: "tampering", Value: 1, Evidence: "nothing was seen"}
	all := func() []reward.Component {
		tests.Seconds = time.Since(start).Seconds()
		return []reward.Component{tests, correct, format, tampering}
	}
	fail := func(why string) ([]reward.Component, error) {
		tests.Evidence, correct.Evidence, format.Evidence = why, why, why
		return all(), nil
	}
	if e.Turn == nil {
		return fail("no turn was taken")
	}
	a := extract(e.Turn.Content)
	switch {
	case strings.TrimSpace(a.code) == "":
		return fail("the turn has no code")
	case len(a.code) > maxCode:
		return fail(fmt.Sprintf("the code has %d bytes, more than %d", len(a.code), maxCode))
	}
	v, err := e.env.judge(ctx, e.task, a.code)
	if err != nil {
		return nil, err
	}
	if v.total > 0 {
		tests.Value = float64(v.good) / float64(v.total)
	}
	tests.Evidence = fmt.Sprintf("%d of %d hidden tests passed", v.good, v.total)
	if v.why != "" {
		tests.Evidence += "; " + v.why
	}
	// A test that was not reached did not pass, so the count alone does not say that all is well.
	correct.Evidence = tests.Evidence + "; the code:\n" + a.code
	if v.why == "" && v.total > 0 && v.good == v.total {
		correct.Value = 1
	}
	format.Evidence = e.form(a, v)
	if format.Evidence == "" {
		format.Value, format.Evidence = 1, "the code stands alone"
	}
	if len(v.tried) > 0 {
		tampering.Value, tampering.Evidence = 0, strings.Join(v.tried, "; ")
	}
	return all(), nil
}

// form says what is wrong with how the code is given, or nothing.
func (e *episode) form(a answer, v verdict) string {
	switch {
	case e.Turn.Finish == chat.FinishTruncated:
		return "the turn was cut off"
	case len(e.Turn.Calls) > 0:
		return "the turn calls tools, and there are none"
	case len(e.Turn.Problems) > 0:
		return "the turn is malformed: " + e.Turn.Problems[0].Error()
	case a.blocks > 1:
		return fmt.Sprintf("the turn has %d code blocks", a.blocks)
	case a.blocks == 1 && !a.closed:
		return "the code block has no end"
	case !v.loaded:
		return "the code does not load"
	}
	for _, name := range e.task.tests.Calls {
		if !defines(a.code, name) {
			return "the code does not define " + name
		}
	}
	return ""
}

// defines reports whether code has a definition of a name at its top.
func defines(code, name string) bool {
	return regexp.MustCompile(`(?m)^(?:(?:async[ \t]+)?def|class)[ \t]+` + name + `\b|^` + name + `[ \t]*=`).MatchString(code)
}

// Gold implements env.Episode: it writes the gold solution.
func (e *episode) Gold() env.Policy { return env.Say(e.task.Solution) }
