package teacher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth/actor"
	"muonclip/synth/domain"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// promptVersion changes with every change of the prompt's code that changes what is sent.
const promptVersion = "1"

// userRules are the same for all users.
const userRules = `You play a person who writes to a customer service in a chat. The other side is the %s of %s. You are never the assistant.

Who you are: %s. You are %s.
How you write: %s
Today is %s.

What you want, one request after the other:
%s
Rules:
- Write one short message at a time, only what the person would type: no role labels, no quotation marks around it, no comments.
- Put each request in your own words and in your own manner, but keep every name, number, date, code and id exactly as it is written above.
- Begin with the first request. Put the next one only when the assistant is done with the one before, or has said that it cannot be done.
- Keep what is marked "only when asked" to yourself until the assistant asks for it.
- Everything you know stands above. Never invent names, numbers, dates or ids. Asked for anything else, say that you do not know it.
- Do not agree to anything that you do not want according to the above, and do not ask for more than stands above.
%s- When everything is settled, %s
`

// userPrompt writes the instructions of the model that plays the user of a task.
func userPrompt(ctx context.Context, t *task.Task) (string, error) {
	requests, err := wordings(ctx, t)
	if err != nil {
		return "", err
	}
	r := rng.New(t.Key.Seed, "synth user prompt", t.Key.Index)
	var list strings.Builder
	for i, seg := range t.Segments {
		fmt.Fprintf(&list, "%d. In other words: %s\n", i+1, requests[i])
		for _, note := range notes(seg, t.Today, r) {
			fmt.Fprintf(&list, "   - %s\n", note)
		}
	}
	patience := fmt.Sprintf("- You bear %d questions that you have no answer to; after that, say that you give up and write %s.\n", t.Persona.Patience, StopMark)
	leave := "write nothing but " + StopMark + "."
	if t.Persona.Thanks {
		leave = "thank the assistant in a few words; after its answer write nothing but " + StopMark + "."
	}
	who := article(t.Domain.User) + t.Domain.User
	return fmt.Sprintf(userRules, t.Domain.Assistant, t.Domain.Service, t.Persona.Name, who, manners[t.Persona.Style],
		t.Today.Format("Monday, 2 January 2006"), list.String(), patience, leave), nil
}

// manners describe the styles of writing.
var manners = map[task.Style]string{
	task.Terse:     "as briefly as can be, in fragments, mostly in lower case, without greetings.",
	task.Chatty:    "talkative and friendly, with a little of your day in it, but without facts that you were not given.",
	task.Formal:    "formal and polite, in whole sentences, as in a letter.",
	task.Impatient: "in a hurry and a little annoyed, but never rude.",
	task.NonNative: "in simple English with the small mistakes of somebody who learnt it late.",
	task.Forgetful: "a little scattered, unsure whether you forgot to say something.",
	task.Plain:     "plainly and politely.",
}

// wordings gives each request of a task as the scripted user words it. That user goes on to the next request, insisting
// where they are told to, as long as the assistant asks nothing.
func wordings(ctx context.Context, t *task.Task) ([]string, error) {
	u := actor.NewUser(t)
	answer := []chat.Message{{Role: chat.RoleAssistant, Content: "All right."}}
	var out []string
	for i, seg := range t.Segments {
		said, err := u.Say(ctx, answer)
		if err != nil {
			return nil, fmt.Errorf("teacher: the request %d of task %s: %w", i, t.ID(), err)
		}
		out = append(out, said.Text)
		if seg.Insists {
			if _, err := u.Say(ctx, answer); err != nil {
				return nil, fmt.Errorf("teacher: the request %d of task %s: %w", i, t.ID(), err)
			}
		}
	}
	return out, nil
}

// notes say what belongs to a request beside its words.
func notes(seg *task.Segment, today time.Time, r *rand.Rand) []string {
	var out []string
	for _, s := range seg.Slots {
		switch s.Reveal {
		case task.OnAsk:
			out = append(out, fmt.Sprintf("Only when asked: %s: %s", naming(s), spoken(s.Value, today, r)))
		case task.AfterAll:
			if s.First == nil || seg.Intent.Act == task.ActCorrect {
				continue
			}
			out = append(out, fmt.Sprintf("You first say %s for the %s. Once the assistant has asked you something, change your mind "+
				"together with your answer: it shall be %s instead.", spoken(*s.First, today, r), s.Label, spoken(s.Value, today, r)))
		}
	}
	for _, step := range seg.Steps {
		if step.Do != task.DoConsent {
			continue
		}
		if seg.Outcome == task.Declined {
			out = append(out, "When the assistant asks you to confirm, you say no: you do not want it after all.")
		} else {
			out = append(out, "When the assistant asks you to confirm, you say yes, unless it got something wrong.")
		}
		break
	}
	if seg.Insists {
		out = append(out, "When the assistant refuses, insist once without new facts; when it refuses again, accept it.")
	}
	return out
}

// naming is what a slot is for a person.
func naming(s *task.Slot) string {
	if s.Entity != "" && (s.Role == task.RoleTarget || s.Role == task.RoleOwner) {
		return fmt.Sprintf("%s of the %s", s.Label, s.Entity)
	}
	return s.Label
}

// spoken writes a value as people do; ids and the like stay as they are.
func spoken(v value.Value, today time.Time, r *rand.Rand) string {
	if v.Type == domain.Bool {
		if b, _ := v.V.(bool); b {
			return "yes"
		}
		return "no"
	}
	return value.Say(v, today, r)
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an "
	}
	return "a "
}
