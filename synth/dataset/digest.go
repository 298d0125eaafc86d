package dataset

import (
	"slices"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
)

// Digest is what statistics need to know of a row. It is small, so that those of a whole data set can be held in
// memory and those of a part be kept beside it until the run is finished.
type Digest struct {
	ID         string   `json:"id"`
	Domain     string   `json:"domain"`
	Category   string   `json:"category,omitempty"`
	Kinds      []string `json:"kinds,omitempty"`
	Difficulty int      `json:"difficulty,omitempty"`
	Persona    string   `json:"persona,omitempty"`
	Size       Size     `json:"size"`
	Faults     int      `json:"faults,omitempty"`
	Changes    int      `json:"changes,omitempty"`
	Tokens     int      `json:"tokens,omitempty"`  // 0 without a tokenizer
	Trained    int      `json:"trained,omitempty"` // tokens in the loss

	Shape   string   `json:"shape"`            // PlanShape
	Plan    uint64   `json:"plan,omitempty"`   // hash of Row.Plan, 0 without one
	Offered []uint64 `json:"offered"`          // hashes of the tools: name, description and schema
	Called  []uint64 `json:"called,omitempty"` // those of them that were called, each once
	ToolSet uint64   `json:"tool_set"`         // hash of all tools, whatever their order
	First   uint64   `json:"first"`            // hash of the words of FirstSentence, numbers and ids masked
}

// DigestOf makes the digest of a row, without the numbers of tokens.
func DigestOf(r *Row) Digest {
	d := Digest{
		ID: r.Dialogue.ID, Domain: r.Domain, Category: r.Category, Kinds: r.Kinds, Difficulty: r.Difficulty, Persona: r.Persona,
		Size: SizeOf(r.Dialogue), Faults: r.Record.Faults(), Changes: r.Record.Changes(),
		Shape: PlanShape(r.Dialogue), First: hashWords(FirstSentence(r.Dialogue), true),
	}
	if r.Plan != "" {
		d.Plan = xxh3.HashString(r.Plan)
	}
	byName := make(map[string]uint64, len(r.Dialogue.Tools))
	for _, t := range r.Dialogue.Tools {
		h := toolHash(t)
		byName[t.Name] = h
		d.Offered = append(d.Offered, h)
	}
	set := slices.Clone(d.Offered)
	slices.Sort(set)
	for _, h := range set {
		d.ToolSet = Mix(d.ToolSet, h)
	}
	for _, m := range r.Dialogue.Messages {
		for _, c := range m.ToolCalls {
			if h, ok := byName[c.Name]; ok && !slices.Contains(d.Called, h) {
				d.Called = append(d.Called, h)
			}
		}
	}
	return d
}

// toolHash identifies a tool.
func toolHash(t chat.Tool) uint64 {
	return Mix(Mix(xxh3.HashString(t.Name), xxh3.HashString(t.Description)), xxh3.Hash(t.Parameters))
}
