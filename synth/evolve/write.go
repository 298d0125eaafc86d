package evolve

import (
	_ "embed"
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/domain"
)

//go:embed format.md
var format string

// writePrompt asks for the file of an idea. The example is an existing domain, of another category where there is one,
// so that its words are not taken over.
func (e *evolver) writePrompt(idea Idea) []chat.Message {
	example := e.Existing[0]
	for _, d := range e.Existing {
		if d.Category != idea.Category && len(d.Actions) >= len(example.Actions) {
			example = d
			break
		}
	}
	return []chat.Message{
		{Role: chat.RoleSystem, Content: "You write domain files: precise models of a trade in YAML, as somebody would who has worked in it for years.\n\n" + format},
		{Role: chat.RoleUser, Content: fmt.Sprintf("This is a file of another trade, as an example of the format alone:\n\n```yaml\n%s```\n\nWrite the file of this domain:\ndomain: %s\ncategory: %s\ntitle: %s\nabout: %s\n\nThe product names %s are taken. Answer with the YAML in one fenced block.",
			render(example), idea.Domain, idea.Category, idea.Title, idea.About, services(e.verifier.domains))},
	}
}

func services(ds []*domain.Domain) string {
	names := make([]string, len(ds))
	for i, d := range ds {
		names[i] = d.Service
	}
	return strings.Join(names, ", ")
}

// stageWords say what was tried, for the model.
var stageWords = map[Stage]string{
	StageParse: "The file does not keep the format", StageUnique: "The file clashes with another domain", StageCompile: "The invariants or rules do not compile",
	StageWorld: "No sound worlds can be made from it", StageTools: "No tools can be made from it", StageSelfTest: "Its tools fail their self-tests",
	StageNear: "It is nearly a copy of what is there; model this trade in its own terms", StageTasks: "Too few kinds of tasks can be made from it",
	StageProof: "Dialogues on it cannot be proved", StageTime: "Testing it takes too long; make the programs and invariants cheaper",
}

// repairPrompt tells the model what is wrong.
func repairPrompt(r *Rejection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", stageWords[r.Stage])
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "- %s\n", p)
	}
	b.WriteString("\nCorrect this and answer with the whole file in one fenced block.")
	return b.String()
}

// extract finds the YAML in an answer: the longest fenced block that has a key domain, or else what follows the first
// line that begins with it; "" where there is neither.
func extract(answer string) string {
	best := ""
	lines := strings.SplitAfter(answer, "\n")
	for i := 0; i < len(lines); i++ {
		fence := strings.TrimSpace(lines[i])
		if !strings.HasPrefix(fence, "```") {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimSpace(lines[end]) != "```" {
			end++
		}
		if block := strings.Join(lines[i+1:end], ""); len(block) > len(best) && hasKey(block) {
			best = block
		}
		i = end
	}
	if best != "" {
		return best
	}
	for i, l := range lines {
		if strings.HasPrefix(l, "domain:") {
			return strings.Join(lines[i:], "")
		}
	}
	return ""
}

func hasKey(block string) bool {
	return strings.HasPrefix(block, "domain:") || strings.Contains(block, "\ndomain:")
}
