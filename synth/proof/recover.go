package proof

import (
	"fmt"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
)

// mostAttempts bounds how often the same call may be made after failing.
const mostAttempts = 8

// recovered checks how the assistant dealt with faults: it made the call again or admitted the failure, waited where
// it was told to, looked before it repeated a change whose answer was lost, completed truncated results, and read
// again what was stale.
func (p *prover) recovered() {
	for i := range p.calls {
		c := &p.calls[i]
		switch {
		case c.failed && c.problem.Transient():
			p.retried(i, c)
		case c.failed && c.problem.Denied():
			if !p.wentOn(i) && !p.admitted(c) {
				p.found(Recovered, c.message, c.name+" is denied, and neither another way is taken nor the failure admitted")
			}
		case c.failed:
			if p.next(i, func(x *call) bool {
				return p.sameTurn(c, x) && p.sameTarget(c, x) || c.problem.Code == "invalid_request" && x.name == c.name && !x.failed
			}) < 0 && !p.admitted(c) {
				p.found(Recovered, c.message, fmt.Sprintf("%s failed (%s), and the user is not told", c.name, c.problem.Code))
			}
		case env.IsStale(c.out):
			if p.next(i, func(x *call) bool { return x.name == c.name && x.raw == c.raw }) < 0 {
				p.found(Recovered, c.message, "the stale result of "+c.name+" is not read again")
			}
		default:
			if cursor, ok := env.Cursor(c.out); ok && p.next(i, func(x *call) bool {
				return x.tool != nil && task.RuntimeTool(x.tool) == task.MoreTool && x.args["cursor"] == cursor
			}) < 0 {
				p.found(Recovered, c.message, "the rest of the partial result of "+c.name+" is not fetched")
			}
		}
	}
}

// retried checks what follows a failure that may pass.
func (p *prover) retried(i int, c *call) {
	again := p.next(i, func(x *call) bool { return x.name == c.name && x.raw == c.raw })
	if again < 0 {
		seen := c.problem.Uncertain() && c.tool != nil && c.tool.Writes && p.looked(i, len(p.calls)) && c.rec != nil && c.rec.Applied
		if !seen && !p.admitted(c) {
			p.found(Recovered, c.message, fmt.Sprintf("%s failed (%s) and is neither tried again nor is the failure admitted", c.name, c.problem.Code))
		}
		return
	}
	n := 0
	for k := i; k < len(p.calls); k++ {
		if p.calls[k].name == c.name && p.calls[k].raw == c.raw && p.calls[k].failed {
			n++
		}
	}
	if n > mostAttempts {
		p.found(Recovered, c.message, fmt.Sprintf("%s is tried %d times", c.name, n))
	}
	if c.problem.Limited() && p.calls[again].failed && p.calls[again].problem.Limited() && p.calls[again].message != c.message && p.waited(i, again) < c.problem.RetryAfter {
		p.found(Recovered, p.calls[again].message, c.name+" is called again before the rate limit is over")
	}
	if c.problem.Uncertain() && c.tool != nil && c.tool.Writes && !p.looked(i, again) {
		p.found(Recovered, p.calls[again].message, c.name+" is repeated without a look whether it took effect")
	}
}

// next finds the first later call in a later message for which ok holds; -1 when there is none.
func (p *prover) next(i int, ok func(*call) bool) int {
	for k := i + 1; k < len(p.calls); k++ {
		if p.calls[k].message > p.calls[i].message && ok(&p.calls[k]) {
			return k
		}
	}
	return -1
}

// waited is how many seconds the assistant waited between two calls.
func (p *prover) waited(i, j int) int {
	n := 0
	for k := i + 1; k < j; k++ {
		if x := &p.calls[k]; x.tool != nil && task.RuntimeTool(x.tool) == task.WaitTool {
			s, _ := x.args["seconds"].(int64)
			n += int(s)
		}
	}
	return n
}

// looked reports whether a record of the same kind was read between two calls.
func (p *prover) looked(i, j int) bool {
	for k := i + 1; k < j; k++ {
		if x := &p.calls[k]; x.tool != nil && !x.tool.Writes && x.tool.Origin == "" && !x.failed {
			return true
		}
	}
	return false
}

// wentOn reports whether the assistant called something else before it spoke to the user.
func (p *prover) wentOn(i int) bool {
	return i+1 < len(p.calls) && p.next(i, func(x *call) bool { return !x.failed && p.sameTurn(&p.calls[i], x) }) >= 0
}

// sameTurn reports whether the user said nothing between two calls.
func (p *prover) sameTurn(a, b *call) bool {
	for k := a.message; k < b.message; k++ {
		if p.tr.Dialogue.Messages[k].Role == chat.RoleUser {
			return false
		}
	}
	return true
}

// sameTarget reports whether a later call is about a record of a failed one.
func (p *prover) sameTarget(a, b *call) bool {
	if b.failed {
		return false
	}
	for _, v := range a.args {
		if s, ok := v.(string); ok && holds(b.args, s) {
			return true
		}
	}
	return false
}

// admitted reports whether the next answer after a failed call says that something did not work.
func (p *prover) admitted(c *call) bool {
	for i := c.message + 1; i < len(p.texts); i++ {
		m := &p.tr.Dialogue.Messages[i]
		if m.Role == chat.RoleAssistant && len(m.ToolCalls) == 0 {
			return task.SaysNo(p.texts[i])
		}
	}
	return false
}
