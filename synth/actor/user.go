package actor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

var _ env.User = (*User)(nil)

// User is a scripted user. They word the requests of their task one after another, say values when asked, choose,
// consent or refuse to, correct themselves, insist once where they are told to, and lose patience with an
// assistant that keeps asking what they cannot answer. They understand the assistant by its words alone.
type User struct {
	task     *task.Task
	r        *rand.Rand
	manner   manner
	words    wording
	segment  int
	said     map[*task.Slot]bool
	agreed   bool // the consent of this segment was given or withheld
	insisted bool
	lost     int // questions without an answer
	leaving  bool
}

// NewUser returns the user of a task.
func NewUser(t *task.Task) *User {
	r := rng.New(t.Key.Seed, "synth user", t.Key.Index)
	return &User{task: t, r: r, manner: manners[t.Persona.Style], words: wording{r: r, today: t.Today, loose: true}, segment: -1, said: map[*task.Slot]bool{}}
}

// Say answers the last message of the assistant.
func (u *User) Say(_ context.Context, messages []chat.Message) (env.Utterance, error) {
	if u.segment < 0 {
		u.segment = 0
		return env.Utterance{Text: u.open()}, nil
	}
	if u.leaving {
		return env.Utterance{Done: true}, nil
	}
	if len(messages) == 0 || messages[len(messages)-1].Role != chat.RoleAssistant {
		return env.Utterance{}, fmt.Errorf("actor: the user was asked to answer, but the last message is not the assistant's")
	}
	question := questions(messages[len(messages)-1].Content)
	if question == "" {
		return u.react(), nil
	}
	if s := u.answer(value.Read(question, u.task.Today)); s != "" {
		return env.Utterance{Text: s}, nil
	}
	if u.lost++; u.lost > u.task.Persona.Patience {
		u.leaving = true
		return env.Utterance{Text: say(u.r, []string{"[Never mind|Forget it], [I'll try somewhere else|I give up].", "[This leads nowhere|This takes too long], [never mind|goodbye]."}, nil)}, nil
	}
	return env.Utterance{Text: say(u.r, []string{"I [have told you|gave you] all I know.", "[I can't say more than that|That's all I have].", "[No idea|I don't know], [please use what I gave you|that's all I have]."}, nil)}, nil
}

// segmentNow is the request that the user is at.
func (u *User) segmentNow() *task.Segment { return u.task.Segments[u.segment] }

// open words the first request.
func (u *User) open() string {
	v := vars{"name": u.task.Persona.Name, "who": u.task.Domain.User, "a": article(u.task.Domain.User)}
	lead := ""
	if u.r.IntN(2) == 0 {
		lead = say(u.r, u.manner.lead, v)
	}
	return lead + u.request(lead != "") + say(u.r, u.manner.tail, v)
}

// request words the present segment's intent and marks what it says; who has said hello does not say it again.
func (u *User) request(greeted bool) string {
	seg := u.segmentNow()
	for _, s := range seg.Slots {
		if s.Reveal == task.AtOnce {
			u.said[s] = true
		}
	}
	if seg.Intent.Act == task.ActPolicy || seg.Intent.Act == task.ActScope {
		return u.inquire(seg)
	}
	s := u.frame(u.words.request(seg))
	for range 6 {
		if !greeted || !greets(s) {
			break
		}
		s = u.frame(u.words.request(seg))
	}
	if u.task.Persona.Style == task.Terse && u.r.IntN(2) == 0 {
		s = uncapital(s)
	}
	return s
}

// greets reports whether a sentence begins with a greeting.
func greets(s string) bool {
	for _, g := range [...]string{"Hello", "Hi", "Hey", "Good ", "Dear ", "Sorry for my", "Excuse my"} {
		if strings.HasPrefix(s, g) {
			return true
		}
	}
	return false
}

// frame makes a sentence of a clause.
func (u *User) frame(c clause) string {
	s := ""
	if c.np == "" {
		s = say(u.r, u.manner.do, vars{"inf": c.inf})
	} else if !c.indirect && u.r.IntN(3) == 0 {
		s = say(u.r, u.manner.whatIs, vars{"np": c.np})
	} else {
		s = say(u.r, u.manner.ask, vars{"np": c.np})
	}
	return s
}

// inquire words questions that the assistant answers from its instructions.
func (u *User) inquire(seg *task.Segment) string {
	v := vars{"inf": seg.Intent.Phrase, "title": uncapital(u.task.Domain.Title), "service": u.task.Domain.Service, "name": u.task.Persona.Name}
	if seg.Intent.Act == task.ActScope {
		return say(u.r, scopeQuestions, v)
	}
	return say(u.r, policyQuestions, v)
}

var policyQuestions = []string{
	"[Before I ask for anything|Just so I know|For my planning], [is there a rule|are there any rules|do you have a policy] [about|on] [when one may|whether you may] {inf}?",
	"[What are the rules|What is your policy|What do I have to know] [if I want|when I ask you] to {inf}?", "[Are there cases|Is there a case] in which you [can't|cannot] {inf}?",
	"[When|In which cases] [won't you|will you not] {inf}? [I don't want you to do anything yet|No need to do anything|I'm only asking].",
	"[Hello|Hi|Good morning], {name} here, what [restrictions|limits|conditions] apply [if somebody asks|when somebody wants] to {inf}?",
}

var scopeQuestions = []string{
	"[Hello|Hi|Good morning|Good afternoon], {name} here, what [can|could] you [do for me|help me with][ here|]?", "[What is|What's] {service}[ for| good for]? [I'm {name} and new here|{name} told me to ask you].",
	"[I'm {name}, and this is my first time here|My name is {name} and somebody sent me here]: [what do you take care of|what can I ask you]?",
	"[Is this|Am I right that this is] the place for {title}? [What exactly do you cover|What do you handle]? [{name}|Regards, {name}]",
}

// answer replies to a question; "" when the user knows no answer.
func (u *User) answer(q *value.Text) string {
	seg := u.segmentNow()
	var parts []string
	for _, s := range seg.Slots {
		if s.Reveal == task.OnAsk && !u.said[s] && q.Contains(s.Label) {
			parts = append(parts, u.tell(s))
		}
	}
	if len(parts) == 0 && !u.agreed && task.AsksConsent(q) && needsConsent(seg) {
		u.agreed = true
		if seg.Outcome == task.Declined {
			return say(u.r, u.manner.no, nil)
		}
		return say(u.r, u.manner.yes, nil)
	}
	if len(parts) == 0 {
		for _, s := range seg.Slots {
			if s.Reveal == task.OnAsk && !u.said[s] {
				parts = append(parts, u.tell(s))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	for _, s := range seg.Slots {
		if s.Reveal == task.AfterAll && !u.said[s] {
			parts = append(parts, u.correct(s))
		}
	}
	return strings.Join(parts, " ")
}

// tell says the value of a slot.
func (u *User) tell(s *task.Slot) string {
	u.said[s] = true
	if b, ok := s.Value.V.(bool); ok {
		return say(u.r, u.manner.answer, vars{"l": s.Label, "v": map[bool]string{true: "yes", false: "no"}[b]})
	}
	return say(u.r, u.manner.answer, vars{"l": s.Label, "v": u.words.value(s.Value)})
}

// correct takes back what was said first.
func (u *User) correct(s *task.Slot) string {
	u.said[s] = true
	return say(u.r, []string{"[Actually|On second thought|Sorry, one correction], [make|let's make] the {l} {v}[ instead of {f}|, not {f}].", "[And|Oh, and] I [changed my mind about|have to correct] the {l}: {v}[, not {f}|].", "[By the way|Wait], the {l} should be {v}[ rather than {f}|]."},
		vars{"l": s.Label, "v": u.words.value(s.Value), "f": u.words.value(*s.First)})
}

// react follows a report: the user insists, goes on to the next request, or leaves.
func (u *User) react() env.Utterance {
	seg := u.segmentNow()
	if seg.Insists && !u.insisted {
		u.insisted = true
		return env.Utterance{Text: say(u.r, u.manner.insist, nil)}
	}
	if u.segment+1 < len(u.task.Segments) {
		u.segment++
		u.agreed, u.insisted = false, false
		return env.Utterance{Text: u.further()}
	}
	u.leaving = true
	if !u.task.Persona.Thanks {
		return env.Utterance{Done: true}
	}
	if seg.Outcome == task.Refused || seg.Outcome == task.Blocked || seg.Outcome == task.Failed || seg.Outcome == task.NoMeans {
		return env.Utterance{Text: say(u.r, u.manner.accept, nil)}
	}
	return env.Utterance{Text: say(u.r, u.manner.thanks, nil)}
}

// further words the next request.
func (u *User) further() string {
	seg := u.segmentNow()
	if seg.Intent.Act == task.ActCorrect {
		for _, s := range seg.Slots {
			if s.Role == task.RoleValue && s.First != nil {
				return u.correct(s)
			}
		}
	}
	s := u.request(true)
	return say(u.r, u.manner.next, vars{"s": uncapital(s), "S": s})
}

// needsConsent reports whether a segment's plan asks for consent.
func needsConsent(seg *task.Segment) bool {
	for _, s := range seg.Steps {
		if s.Do == task.DoConsent {
			return true
		}
	}
	return false
}

// politeness are questions that close a turn and want no answer.
var politeness = []string{"anything else", "something else", "what else", "help you with", "any other"}

// questions returns the sentences of a text that ask something, without those that only are polite.
func questions(s string) string {
	if !strings.Contains(s, "?") {
		return ""
	}
	var out strings.Builder
	for from := 0; from < len(s); {
		end := strings.IndexByte(s[from:], '?')
		if end < 0 {
			break
		}
		end += from + 1
		sentence := s[from:end]
		low := strings.ToLower(sentence[sentenceStart(sentence):])
		polite := false
		for _, p := range politeness {
			polite = polite || strings.Contains(low, p)
		}
		if !polite {
			out.WriteString(sentence)
		}
		from = end
	}
	return out.String()
}

// sentenceStart finds where the last sentence of s begins.
func sentenceStart(s string) int {
	for i := len(s) - 2; i > 0; i-- {
		if (s[i] == '.' || s[i] == '!' || s[i] == ':') && (s[i+1] == ' ' || s[i+1] == '\n') || s[i] == '\n' {
			return i + 1
		}
	}
	return 0
}
