package dataset

import (
	"strings"

	"muonclip/data/chat"
)

// Size is how long a dialogue is.
type Size struct {
	Messages int `json:"messages"`
	Turns    int `json:"turns"` // messages of the user
	Calls    int `json:"calls"`
	Tools    int `json:"tools"` // tools offered
	Chars    int `json:"chars"` // bytes of all content and arguments, tools apart
}

// SizeOf measures a dialogue.
func SizeOf(d chat.Dialogue) Size {
	s := Size{Messages: len(d.Messages), Tools: len(d.Tools)}
	for _, m := range d.Messages {
		s.Chars += len(m.Content)
		s.Calls += len(m.ToolCalls)
		if m.Role == chat.RoleUser {
			s.Turns++
		}
		for _, c := range m.ToolCalls {
			s.Chars += len(c.Arguments)
		}
	}
	return s
}

// PlanShape is the shape of a dialogue's calls without their names: each tool is a letter in the order of its first use,
// "+" stands between calls of one turn, " " between turns, and a message of the user after the first is "/". So
// "a b+b / c" asked one tool, then another twice at once, heard the user, and called a third. Repetitions of
// more than three equal steps are written "b*4".
func PlanShape(d chat.Dialogue) string {
	letters := map[string]int{}
	var steps []string
	users := 0
	for _, m := range d.Messages {
		if m.Role == chat.RoleUser {
			if users++; users > 1 {
				steps = append(steps, "/")
			}
		}
		if len(m.ToolCalls) == 0 {
			continue
		}
		var step []string
		for _, c := range m.ToolCalls {
			n, seen := letters[c.Name]
			if !seen {
				n = len(letters)
				letters[c.Name] = n
			}
			step = append(step, letter(n))
		}
		steps = append(steps, fold(step, "+"))
	}
	return fold(steps, " ")
}

// fold joins steps and writes runs of more than three equal ones as one with a count.
func fold(steps []string, sep string) string {
	var out []string
	for i := 0; i < len(steps); {
		j := i
		for j < len(steps) && steps[j] == steps[i] {
			j++
		}
		if j-i > 3 {
			out = append(out, steps[i]+"*"+itoa(j-i))
		} else {
			out = append(out, steps[i:j]...)
		}
		i = j
	}
	return strings.Join(out, sep)
}

// letter names the n-th tool: a to z, then a1 to z1 and so on.
func letter(n int) string {
	s := string(rune('a' + n%26))
	if n >= 26 {
		s += itoa(n / 26)
	}
	return s
}
