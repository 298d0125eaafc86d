package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task/value"
)

// edited copies a trajectory so that its messages and the results of its record may be changed.
func edited(tr *env.Trajectory) *env.Trajectory {
	out := *tr
	out.Dialogue = tr.Dialogue.Clone()
	record := *tr.Record
	record.Calls = slices.Clone(record.Calls)
	out.Record = &record
	return &out
}

// setResult changes what a call gave, in the dialogue and in the record.
func setResult(tr *env.Trajectory, message int, content string) {
	n := 0
	for _, m := range tr.Dialogue.Messages[:message] {
		if m.Role == chat.RoleTool {
			n++
		}
	}
	tr.Dialogue.Messages[message].Content = content
	tr.Record.Calls[n].Result = json.RawMessage(content)
}

// results lists the messages with results of calls that succeeded.
func results(tr *env.Trajectory) []int {
	var out []int
	n := 0
	for i, m := range tr.Dialogue.Messages {
		if m.Role != chat.RoleTool {
			continue
		}
		if tr.Record.Calls[n].Code == "" {
			out = append(out, i)
		}
		n++
	}
	return out
}

// brokenResult cuts a result in the middle.
func brokenResult(tr *env.Trajectory, r *rand.Rand) (*env.Trajectory, bool) {
	list := results(tr)
	if len(list) == 0 {
		return nil, false
	}
	at := list[r.IntN(len(list))]
	content := tr.Dialogue.Messages[at].Content
	if len(content) < 10 {
		return nil, false
	}
	out := edited(tr)
	setResult(out, at, strings.ToValidUTF8(content[:len(content)*2/3], ""))
	return out, true
}

// swappedResults exchanges the results of two calls of a turn.
func swappedResults(tr *env.Trajectory, r *rand.Rand) (*env.Trajectory, bool) {
	msgs := tr.Dialogue.Messages
	var places []int
	for i := 1; i < len(msgs); i++ {
		if msgs[i].Role == chat.RoleTool && msgs[i-1].Role == chat.RoleTool && msgs[i].Content != msgs[i-1].Content {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return nil, false
	}
	at := places[r.IntN(len(places))]
	out := edited(tr)
	setResult(out, at, msgs[at-1].Content)
	setResult(out, at-1, msgs[at].Content)
	return out, true
}

// wrongNumber changes a number in a result and wherever the assistant tells it later. Only numbers that stand nowhere
// else are changed, so that nothing but the tool is wrong.
func wrongNumber(tr *env.Trajectory, r *rand.Rand) (*env.Trajectory, bool) {
	list := results(tr)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, at := range list {
		content := tr.Dialogue.Messages[at].Content
		for _, literal := range numbers(content) {
			f, err := strconv.ParseFloat(literal, 64)
			if err != nil || f < 20 || strings.Count(content, literal) != 1 {
				continue
			}
			changed := f + float64(1+r.IntN(9))
			out := edited(tr)
			if !tellInstead(out, at, f, changed) {
				continue
			}
			digits := 0
			if _, tail, ok := strings.Cut(literal, "."); ok {
				digits = len(tail)
			}
			setResult(out, at, strings.Replace(content, literal, strconv.FormatFloat(changed, 'f', digits, 64), 1))
			return out, true
		}
	}
	return nil, false
}

// numbers lists the numbers of a JSON text as they are written.
func numbers(s string) []string {
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	var out []string
	for {
		t, err := d.Token()
		if err != nil {
			return out
		}
		if n, ok := t.(json.Number); ok {
			out = append(out, n.String())
		}
	}
}

// tellInstead replaces a number in what the assistant tells after a message. It reports false where the number is not
// told, or stands in another message too.
func tellInstead(tr *env.Trajectory, after int, old, changed float64) bool {
	told := false
	for i := range tr.Dialogue.Messages {
		m := &tr.Dialogue.Messages[i]
		if i == after {
			continue
		}
		for _, c := range m.ToolCalls {
			if says(string(c.Arguments), old, tr.Task.Today) {
				return false
			}
		}
		if !says(m.Content, old, tr.Task.Today) {
			continue
		}
		if i < after || m.Role != chat.RoleAssistant || len(m.ToolCalls) > 0 {
			return false
		}
		from, to := span(m.Content, old, tr.Task.Today)
		m.Content = m.Content[:from] + fmt.Sprintf("%v", changed) + m.Content[to:]
		if says(m.Content, old, tr.Task.Today) {
			return false // it is told twice
		}
		told = true
	}
	return told
}

func says(text string, n float64, today time.Time) bool {
	from, to := span(text, n, today)
	return from < to
}

// span finds where a number is written in digits.
func span(text string, n float64, today time.Time) (from, to int) {
	for _, a := range value.Scan(text, today) {
		if a.Kind != value.AtomNumber || a.Loose || a.Num != n {
			continue
		}
		to := a.At
		for to < len(text) && (digit(text[to]) || (text[to] == ',' || text[to] == '.') && to+1 < len(text) && digit(text[to+1])) {
			to++
		}
		return a.At, to
	}
	return 0, 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
