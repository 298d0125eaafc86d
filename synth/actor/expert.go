package actor

import (
	"context"
	"fmt"
	"math/rand/v2"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

var _ env.Agent = (*Expert)(nil)

// Expert is a scripted agent that knows how each request of a task is served. What it does not know are the values:
// they come from what the user says and from the results that it sees, so that it can use nothing that it
// was not told. It serves one dialogue.
type Expert struct {
	task    *task.Task
	r       *rand.Rand
	words   wording
	seen    int // messages read
	segment int
	at      int // step
	binder  *task.Binder
	heard   []*value.Text      // what the user said in this segment
	last    *value.Text        // what the user said last
	asked   map[int]int        // how often each asking step asked
	since   map[*task.Slot]int // what the user had said when a slot was first asked for
	work    *work              // the calls that are under way; nil when none are
	outcome task.Outcome       // how the segment went, as far as it is known
	trouble trouble
	told    bool // the outcome of the segment was told
	firm    bool // a refusal was repeated
}

// trouble is what kept a segment from its end.
type trouble struct {
	failed  []map[string]any // arguments of the calls of a loop that failed
	reasons []string
}

// NewExpert returns the expert for one dialogue of a task.
func NewExpert(t *task.Task) *Expert {
	r := rng.New(t.Key.Seed, "synth expert", t.Key.Index)
	e := &Expert{task: t, r: r, words: wording{r: r, today: t.Today}}
	e.enter(0)
	return e
}

// enter begins a segment.
func (e *Expert) enter(i int) {
	seg := e.task.Segments[i]
	e.segment, e.at, e.told, e.firm = i, 0, false, false
	e.binder = task.NewBinder(len(seg.Steps))
	e.heard, e.asked, e.since, e.work = nil, map[int]int{}, map[*task.Slot]int{}, nil
	e.outcome, e.trouble = seg.Outcome, trouble{}
	for _, s := range seg.Slots {
		if s.Reveal == task.AtOnce || s.Reveal == task.Known {
			e.binder.Slots[s.Name] = s.Value.V
		}
	}
}

func (e *Expert) now() *task.Segment { return e.task.Segments[e.segment] }

// Act takes the assistant's turn.
func (e *Expert) Act(_ context.Context, messages []chat.Message, _ []chat.Tool) (chat.Message, error) {
	if err := e.read(messages); err != nil {
		return chat.Message{}, err
	}
	if e.told {
		seg := e.now()
		switch {
		case seg.Insists && !e.firm:
			e.firm = true
			return e.speak(e.standFirm()), nil
		case e.segment+1 == len(e.task.Segments):
			return e.speak(say(e.r, farewells, vars{"service": e.task.Domain.Service})), nil
		}
		e.enter(e.segment + 1)
		e.heard = append(e.heard, e.last)
	}
	return e.proceed()
}

// read takes in what was said and answered since the last turn.
func (e *Expert) read(messages []chat.Message) error {
	for _, m := range messages[e.seen:] {
		switch m.Role {
		case chat.RoleUser:
			e.last = value.Read(m.Content, e.task.Today)
			e.heard = append(e.heard, e.last)
		case chat.RoleTool:
			if e.work == nil {
				return fmt.Errorf("actor: a result came although nothing was called")
			}
			if err := e.work.take(e, m); err != nil {
				return err
			}
		}
	}
	e.seen = len(messages) + 1 // the turn that follows is our own
	return nil
}

// proceed goes through the steps up to the next thing to say or call.
func (e *Expert) proceed() (chat.Message, error) {
	seg := e.now()
	for {
		if e.work != nil {
			m, over, err := e.work.next(e)
			if err != nil || !over {
				return m, err
			}
			e.finish()
		}
		if e.at >= len(seg.Steps) {
			return chat.Message{}, fmt.Errorf("actor: the plan of segment %d has no report", e.segment)
		}
		i, step := e.at, seg.Steps[e.at]
		switch step.Do {
		case task.DoAsk:
			if s := seg.Slot(step.Slot); !e.learn(s) {
				e.asked[i]++
				open := e.unsaid()
				e.wonder(open...)
				return e.speak(e.ask(open)), nil
			}
			e.at++
		case task.DoChoose:
			if s := seg.Slot(step.Slot); e.asked[i] == 0 || !e.learn(s) {
				e.asked[i]++
				e.wonder(s)
				return e.speak(e.choose(step)), nil
			}
			e.at++
		case task.DoConsent:
			if e.asked[i] == 0 {
				e.asked[i]++
				return e.speak(e.consent()), nil
			}
			if !task.Agrees(e.last) {
				e.outcome = task.Declined
				e.at = len(seg.Steps) - 1
				continue
			}
			e.at++
		case task.DoCall:
			if err := e.begin(); err != nil {
				return chat.Message{}, err
			}
		case task.DoReport:
			s, err := e.report()
			if err != nil {
				return chat.Message{}, err
			}
			e.told = true
			return e.speak(s), nil
		}
	}
}

// learn looks for a slot's value in what the user said and keeps it. The value is the one that the user has in
// mind, so a match means that it was said.
func (e *Expert) learn(s *task.Slot) bool {
	if _, known := e.binder.Slots[s.Name]; known {
		return true
	}
	from := 0
	if s.Reveal == task.OnAsk {
		after, asked := e.since[s]
		if !asked {
			return false
		}
		from = after
	}
	for _, t := range e.heard[from:] {
		if t != nil && t.Has(s.Value) {
			e.binder.Slots[s.Name] = s.Value.V
			return true
		}
	}
	return false
}

// wonder notes that slots are asked for now, so that only what the user says from here on is their value.
func (e *Expert) wonder(slots ...*task.Slot) {
	for _, s := range slots {
		if _, asked := e.since[s]; !asked {
			e.since[s] = len(e.heard)
		}
	}
}

// unsaid lists the slots that the plan needs and the user has not said.
func (e *Expert) unsaid() []*task.Slot {
	var out []*task.Slot
	for _, step := range e.now().Steps {
		if step.Do == task.DoAsk {
			if s := e.now().Slot(step.Slot); !e.learn(s) {
				out = append(out, s)
			}
		}
	}
	return out
}

func (e *Expert) speak(s string) chat.Message {
	return chat.Message{Role: chat.RoleAssistant, Content: s}
}
