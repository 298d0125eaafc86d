package dialogue

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muonclip/data/chatshard"
)

// Why dialogues are left out.
const (
	ReasonUnreadable = "unreadable"       // no JSON, or no dialogue
	ReasonInvalid    = "invalid"          // against the rules of chat.Validate
	ReasonTooLong    = "too_long"         // more than Options.MaxTokens
	ReasonNothing    = "nothing_to_learn" // no token in the loss
	ReasonDuplicate  = "duplicate"        // the same messages and tools as an earlier one
)

// maxExamples is how many dialogues are named for a reason.
const maxExamples = 5

// Report says what Build read, left out and wrote.
type Report struct {
	chatshard.Config
	Read    int64            `json:"read"`
	Splits  map[string]Split `json:"splits"`  // by train and val
	Dropped map[string]Drop  `json:"dropped"` // by reason
	Kinds   map[string]int64 `json:"kinds"`   // kept dialogues by kind
	Turns   map[string]int64 `json:"turns"`   // tokens in the loss by kind of turn
	Longest int              `json:"longest"` // tokens of the longest dialogue kept
}

// Split is one of the folders.
type Split struct {
	Dialogues   int64  `json:"dialogues"`
	Tokens      int64  `json:"tokens"`
	Trained     int64  `json:"trained"` // tokens in the loss
	Fingerprint string `json:"fingerprint"`
}

// Drop counts what was left out for one reason.
type Drop struct {
	Count    int64    `json:"count"`
	Examples []string `json:"examples"` // the first ones: where they are and what is wrong
}

func newReport(config chatshard.Config) Report {
	return Report{Config: config, Splits: map[string]Split{}, Dropped: map[string]Drop{}, Kinds: map[string]int64{}, Turns: map[string]int64{}}
}

func (r *Report) drop(reason, where string, why error) {
	d := r.Dropped[reason]
	d.Count++
	if len(d.Examples) < maxExamples {
		text := strings.ReplaceAll(why.Error(), "\n", "; ")
		if !strings.Contains(text, where) {
			text = where + ": " + text
		}
		d.Examples = append(d.Examples, text)
	}
	r.Dropped[reason] = d
}

func (r *Report) keep(d chatshard.Dialogue) {
	r.Kinds[d.Kind]++
	r.Longest = max(r.Longest, len(d.IDs))
	for _, t := range d.Turns {
		if t != chatshard.Context {
			r.Turns[t.String()]++
		}
	}
}

// explain says why little is left.
func (r *Report) explain() string {
	text := fmt.Sprintf("of %d that were read", r.Read)
	for _, reason := range slices.Sorted(maps.Keys(r.Dropped)) {
		d := r.Dropped[reason]
		text += fmt.Sprintf(", %d are left out as %s (%s)", d.Count, reason, d.Examples[0])
	}
	return text + "; give more dialogues, or another held-out fraction"
}
