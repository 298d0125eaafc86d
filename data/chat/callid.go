package chat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// callPrefix begins the ids of calls in K2's format.
const callPrefix = "functions."

// ErrCallID says that the id of a call is not of the form functions.NAME:N.
var ErrCallID = errors.New("malformed call id")

// CallID is the id of a call in K2's format. index counts all calls of the dialogue from 0 (arXiv
// 2507.20534, appendix B).
func CallID(name string, index int) string {
	return callPrefix + name + ":" + strconv.Itoa(index)
}

// ParseCallID takes the id of a call apart. Names may hold dots, hyphens and colons: the name is what stands between
// the prefix, which may be missing, and the last colon. Where the form is another, the error wraps ErrCallID and name
// is the best guess.
func ParseCallID(id string) (name string, index int, err error) {
	rest := strings.TrimPrefix(id, callPrefix)
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		return rest, 0, fmt.Errorf("%w %q: no counter", ErrCallID, clip(id))
	}
	name = rest[:colon]
	digits := rest[colon+1:]
	n, convErr := strconv.ParseUint(digits, 10, 31)
	if convErr != nil {
		return rest, 0, fmt.Errorf("%w %q: %q is no counter", ErrCallID, clip(id), clip(digits))
	}
	if name == "" {
		return "", int(n), fmt.Errorf("%w %q: no name", ErrCallID, clip(id))
	}
	return name, int(n), nil
}

// Renumber returns the dialogue with the ids that K2's format gives: functions.NAME:N, N counting all calls
// from 0. A result is matched with the call of its turn by its id, or, where it has none, with the first call that
// has no result yet. Ids need to be unique only within a turn.
func Renumber(d Dialogue) (Dialogue, error) {
	d = d.Clone()
	count := 0
	var open []pendingCall // calls of the last assistant turn without a result
	for i := range d.Messages {
		m := &d.Messages[i]
		if m.Role == RoleTool {
			k := match(open, *m)
			if k < 0 {
				return d, fmt.Errorf("message %d: the result of %q answers no call of the turn before it", i, m.ToolCallID)
			}
			m.ToolCallID = open[k].id
			open = append(open[:k:k], open[k+1:]...)
			continue
		}
		open = nil
		for j := range m.ToolCalls {
			c := &m.ToolCalls[j]
			p := pendingCall{was: c.ID, id: CallID(c.Name, count), name: c.Name}
			for _, other := range open {
				if other.was == p.was && p.was != "" {
					return d, fmt.Errorf("message %d: two calls have the id %q", i, p.was)
				}
			}
			open = append(open, p)
			c.ID = p.id
			count++
		}
	}
	return d, nil
}

// pendingCall is a call that waits for its result.
type pendingCall struct{ was, id, name string }

// match finds the call that a result answers, -1 for none.
func match(open []pendingCall, m Message) int {
	for k, p := range open {
		if m.ToolCallID == p.was && m.ToolCallID != "" || m.ToolCallID == "" && (m.Name == "" || m.Name == p.name) {
			return k
		}
	}
	return -1
}

// clip shortens text for a message.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
