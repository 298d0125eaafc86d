package actor

import (
	"math/rand/v2"
	"strings"
	"time"

	"muonclip/synth/domain"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// clause is a request in words, without the frame that makes a sentence of it.
type clause struct {
	inf      string // "cancel reservation RSV-12345": what somebody is to do
	np       string // "the arrival of reservation RSV-12345": what somebody wants to know; "" for changes
	indirect bool   // np is an indirect question: "whether ..."
}

// wording says values and records on one day.
type wording struct {
	r     *rand.Rand
	today time.Time
	loose bool // dates as people say them in passing
}

func (w *wording) value(v value.Value) string {
	if w.loose {
		return value.SayLoosely(v, w.today, w.r)
	}
	return value.Say(v, w.today, w.r)
}

// mention names a record by what somebody knows of it.
func (w *wording) mention(s *task.Slot) string {
	name := w.value(s.Value)
	switch s.Value.Type {
	case domain.Ref, domain.Refs, domain.Code:
		return expand(w.r, pick(w.r, "{e} {n}", "{e} {n}", "the {e} {n}", "{n}", "{e} number {n}"), vars{"e": s.Entity, "n": name})
	case domain.Person, domain.Company:
		return expand(w.r, pick(w.r, "{e} {n}", "{n}", "the {e} {n}", "{n} (the {e})"), vars{"e": s.Entity, "n": name})
	}
	return expand(w.r, pick(w.r, "the {e} \"{n}\"", "the {e} {n}", "{e} \"{n}\"", "the {e} called {n}"), vars{"e": s.Entity, "n": name})
}

// target names the record that a segment is about: by itself, or through the record to which it belongs. It is ""
// for requests without one and "a reservation" while the user keeps it to themselves.
func (w *wording) target(seg *task.Segment) string {
	var targets []string
	owner := ""
	hidden := ""
	for _, s := range seg.Slots {
		switch {
		case s.Role == task.RoleTarget && s.Reveal == task.OnAsk:
			hidden = article(s.Entity) + s.Entity
		case s.Role == task.RoleTarget:
			targets = append(targets, w.mention(s))
		case s.Role == task.RoleOwner && s.Reveal != task.OnAsk:
			owner = w.mention(s)
		}
	}
	switch {
	case len(targets) > 0:
		return value.Join(targets)
	case owner != "" && seg.Intent.Entity != nil:
		e := value.Words(seg.Intent.Entity.Name)
		return expand(w.r, pick(w.r, "the {e} of {o}", "the {e} for {o}", "the {e} that belongs to {o}"), vars{"e": e, "o": owner})
	}
	return hidden
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an "
	}
	return "a "
}

// details lists the values that come with a request, "" when there are none to say.
func (w *wording) details(seg *task.Segment, skip task.SlotRole) string {
	var parts []string
	for _, s := range seg.Slots {
		if s.Role != task.RoleValue && s.Role != task.RoleFilter && s.Role != task.RoleReason || s.Role == skip {
			continue
		}
		if s.Reveal == task.AtOnce || s.Reveal == task.AfterAll {
			parts = append(parts, w.detail(s))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return value.Join(parts)
}

// first is the value that a user says at first.
func first(s *task.Slot) value.Value {
	if s.First != nil {
		return *s.First
	}
	return s.Value
}

func (w *wording) detail(s *task.Slot) string {
	v := w.value(first(s))
	if b, ok := s.Value.V.(bool); ok {
		v = map[bool]string{true: "yes", false: "no"}[b]
	}
	form := pick(w.r, "{l} {v}", "{l}: {v}", "{l} {v}")
	switch {
	case strings.Count(s.Label, " ") > 1:
		form = "{l}: {v}"
	case s.Value.Type.Numeric() && s.Role == task.RoleValue:
		form = pick(w.r, "{l} of {v}", "{l}: {v}", "{l} {v}")
	}
	return expand(w.r, form, vars{"l": s.Label, "v": v})
}

// request words a segment's intent.
func (w *wording) request(seg *task.Segment) clause {
	in := &seg.Intent
	if in.Each != "" {
		return clause{inf: w.looping(seg)}
	}
	t := w.target(seg)
	switch in.Act {
	case task.ActRead:
		return w.reading(seg, t)
	case task.ActTransition:
		inf := verbPhrase(in.Verb, entityWords(in), t)
		for _, s := range seg.Slots {
			if s.Role == task.RoleReason && s.Reveal == task.AtOnce {
				inf += expand(w.r, "[ – reason: |, the reason is |, reason: | (reason: ]", nil)
				closing := ""
				if strings.HasSuffix(inf, "(reason: ") {
					closing = ")"
				}
				inf += w.value(s.Value) + closing
			}
		}
		return clause{inf: inf}
	case task.ActEdit:
		return w.editing(seg, t)
	case task.ActCreate:
		return w.creating(seg)
	case task.ActMay:
		inf := verbPhrase(in.Verb, entityWords(in), t)
		return clause{inf: inf, np: "whether " + pick(w.r, "it is possible to ", "one can ", "it is allowed to ", "you could ") + inf, indirect: true}
	}
	return w.doing(seg, t)
}

// looping words a change that is repeated.
func (w *wording) looping(seg *task.Segment) string {
	in := &seg.Intent
	if in.Act == task.ActTransition {
		return verbPhrase(in.Verb, entityWords(in), in.Each) + in.Tail
	}
	var labels []string
	for _, s := range seg.Slots {
		if s.Role == task.RoleValue {
			labels = append(labels, "the "+s.Label)
		}
	}
	return pick(w.r, "change ", "set ", "update ", "switch ") + value.Join(labels) + " of " + in.Each + in.Tail
}

func entityWords(in *task.Intent) string {
	if in.Entity == nil {
		return ""
	}
	return value.Words(in.Entity.Name)
}

// reading words a question for fields of one record.
func (w *wording) reading(seg *task.Segment, t string) clause {
	asks := seg.Intent.Asks
	if len(asks) == 1 && isClause(asks[0]) {
		q := asks[0] + expand(w.r, "[ for | – it's about | (]", nil)
		if strings.HasSuffix(q, "(") {
			return clause{np: q + t + ")", indirect: true}
		}
		return clause{np: q + t, indirect: true}
	}
	parts := make([]string, len(asks))
	for i, a := range asks {
		parts[i] = "the " + a
	}
	return clause{np: value.Join(parts) + pick(w.r, " of ", " for ", " of ") + t}
}

// isClause reports whether a label is an indirect question.
func isClause(s string) bool {
	for _, p := range [...]string{"whether ", "how ", "what ", "where ", "when ", "who ", "which "} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// editing words the change of fields.
func (w *wording) editing(seg *task.Segment, t string) clause {
	var labels, changes []string
	for _, s := range seg.Slots {
		if s.Role == task.RoleValue {
			labels = append(labels, "the "+s.Label)
			if s.Reveal != task.OnAsk {
				changes = append(changes, "the "+s.Label+" of "+t+" to "+w.value(first(s)))
			}
		}
	}
	verb := pick(w.r, "change ", "set ", "update ", "correct ", "switch ")
	if len(changes) == 0 {
		return clause{inf: pick(w.r, "change ", "update ", "correct ") + value.Join(labels) + " of " + t}
	}
	return clause{inf: verb + value.Join(changes)}
}

// creating words the wish for a new record.
func (w *wording) creating(seg *task.Segment) clause {
	e := entityWords(&seg.Intent)
	inf := pick(w.r, "create ", "add ", "enter ", "set up ", "record ") + pick(w.r, article("new")+"new ", article(e)) + e
	if d := w.details(seg, ""); d != "" {
		inf += pick(w.r, ": ", " with ", " – ", " with these details: ") + d
	}
	return clause{inf: inf}
}

// doing words everything else by the tool's own words.
func (w *wording) doing(seg *task.Segment, t string) clause {
	in := &seg.Intent
	d := w.details(seg, "")
	about := t
	if d != "" {
		if about != "" {
			about += ", "
		}
		about += d
	}
	if in.Noun != "" {
		np := in.Noun
		if about != "" {
			if in.Join != "" {
				np += in.Join
			} else {
				np += expand(w.r, "[ for | – | (]", nil)
			}
			if strings.HasSuffix(np, "(") {
				about += ")"
			}
			np += about
		}
		return clause{np: np, indirect: isClause(in.Noun) || in.Join != ""} // lists are plural: no "what is"
	}
	inf := in.Phrase
	if inf == "" {
		inf = verbPhrase(in.Verb, entityWords(in), t)
		if d != "" {
			inf += pick(w.r, " – ", ", ", ": ", " with ") + d
		}
		return clause{inf: inf}
	}
	if about != "" {
		inf += expand(w.r, "[: | – | (]", nil)
		if strings.HasSuffix(inf, "(") {
			about += ")"
		}
		inf += about
	}
	return clause{inf: inf}
}

// particles continue a verb: what is done to a record stands between the two.
var particles = map[string]bool{"to": true, "on": true, "off": true, "as": true, "from": true, "into": true, "for": true, "out": true, "in": true,
	"over": true, "up": true, "back": true, "down": true, "by": true, "with": true, "at": true, "through": true, "away": true}

// markers take the record right after the verb and then what it becomes.
var markers = map[string]bool{"mark": true, "declare": true, "flag": true, "set": true, "put": true, "take": true, "bring": true, "send": true, "return": true, "make": true}

// verbPhrase puts a record into the words of a verb: "return_to_shipper" and "parcel PCL-1" make "return parcel
// PCL-1 to shipper", "start_search" makes "start search for tracer TRC-1".
func verbPhrase(verb, entity, target string) string {
	words := strings.Fields(value.Words(verb))
	if target == "" || len(words) == 0 {
		return strings.Join(words, " ")
	}
	kept := words[:1:1]
	names := " " + entity + " "
	for _, x := range words[1:] {
		if !strings.Contains(names, " "+x+" ") && !strings.Contains(names, " "+strings.TrimSuffix(x, "s")+" ") {
			kept = append(kept, x)
		}
	}
	switch {
	case len(kept) == 1:
		return kept[0] + " " + target
	case len(kept) == 2 && particles[kept[1]]:
		return strings.Join(kept, " ") + " " + target
	case particles[kept[1]] || markers[kept[0]]:
		return kept[0] + " " + target + " " + strings.Join(kept[1:], " ")
	}
	return strings.Join(kept, " ") + " for " + target
}
