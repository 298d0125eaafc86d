package task

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
)

// Pool is the repository from which tasks are sampled. It may be used by many goroutines.
type Pool struct {
	products []*product
	wait     []*tool.Tool
	more     []*tool.Tool
	cfg      Config
}

// Config says what is sampled.
type Config struct {
	// Weights of the kinds; nil means DefaultWeights.
	Weights map[Kind]int
	// Part of the tasks to sample; "" means all.
	Part Part
	// Attempts at one key before Sample gives up; 0 means 200, and 4000 for the held-out part, which one attempt in ten hits.
	Attempts int
	// Compact makes short tasks for models with little context: one request, one to three offered tools with short
	// declarations and results (tool.Set.Compact), a system prompt of two or three sentences. Its kinds are those of
	// CompactWeights.
	Compact bool
	// MaxChars bounds what a compact task puts into the context before anybody speaks and through its calls: the
	// characters of system prompt, tool declarations, and the arguments and results of the plan; 0 means 900. What is said
	// comes on top, about 200 characters in most dialogues.
	MaxChars int
}

// DefaultWeights gives the common kinds most room and long sessions little, because each of these is as long
// as ten others.
func DefaultWeights() map[Kind]int {
	return map[Kind]int{Single: 9, Dependent: 14, Parallel: 9, Loop: 8, Missing: 10, Ambiguous: 7, Changed: 8, Forbidden: 8, Consent: 8,
		Impossible: 9, NoTool: 4, Irrelevant: 4, Recovery: 12, Long: 1}
}

// product is a domain's set of tools with what the sampler wants to find quickly.
type product struct {
	set      *tool.Set
	getters  map[string]*tool.Tool              // by entity: id to record
	finders  map[string]map[string]*tool.Tool   // by entity and field: value to records
	ways     map[string]map[string][]*tool.Tool // all finders
	children map[string]map[string]*tool.Tool   // by entity and its ref field: id of the owner to records
	reads    []*tool.Tool                       // other tools that tell something
	writes   []*tool.Tool
	lists    []*tool.Tool // those that give records by a condition
}

// NewPool prepares a repository. Sets without tools are left out.
func NewPool(sets []*tool.Set, cfg Config) (*Pool, error) {
	p := &Pool{cfg: cfg}
	if p.cfg.Weights == nil {
		p.cfg.Weights = DefaultWeights()
		if cfg.Compact {
			p.cfg.Weights = CompactWeights()
		}
	}
	switch cfg.Part {
	case "", Train, HeldOut:
	default:
		return nil, fmt.Errorf("task: there is no part %q of the tasks, want %s or %s", cfg.Part, Train, HeldOut)
	}
	if p.cfg.Attempts == 0 {
		p.cfg.Attempts = 200
		if cfg.Part == HeldOut {
			p.cfg.Attempts = 4000
		}
	}
	if err := p.compactConfig(); err != nil {
		return nil, err
	}
	var err error
	if p.wait, p.more, err = runtimeTools(); err != nil {
		return nil, err
	}
	for _, s := range sets {
		if cfg.Compact {
			s = s.Compact()
		}
		if len(s.Tools) > 0 {
			p.products = append(p.products, newProduct(s))
		}
	}
	if len(p.products) < 2 {
		return nil, fmt.Errorf("task: %d domains with tools, at least 2 are needed", len(p.products))
	}
	return p, nil
}

func newProduct(s *tool.Set) *product {
	p := &product{set: s, getters: map[string]*tool.Tool{}, finders: map[string]map[string]*tool.Tool{}, ways: map[string]map[string][]*tool.Tool{}, children: map[string]map[string]*tool.Tool{}}
	for _, t := range s.Tools {
		if t.Program == nil {
			continue
		}
		if t.Writes {
			p.writes = append(p.writes, t)
			continue
		}
		p.index(t)
	}
	return p
}

// index files a tool that reads.
func (p *product) index(t *tool.Tool) {
	must := required(t)
	switch shape := t.Returns.Shape; {
	case shape == "record" && len(must) == 1 && must[0].Role == tool.RoleID && must[0].Entity == t.Returns.Entity && t.Kind == "get":
		p.getters[t.Returns.Entity] = t
	case (shape == "records" || shape == "page" || shape == "record") && len(must) <= 1:
		p.lists = append(p.lists, t)
		for i := range t.Params {
			param := &t.Params[i]
			if len(must) == 1 && must[0] != param {
				continue
			}
			p.file(t, param)
		}
	default:
		p.reads = append(p.reads, t)
	}
}

// file notes that a tool finds records by a parameter.
func (p *product) file(t *tool.Tool, param *tool.Param) {
	e := t.Returns.Entity
	add := func(m map[string]map[string]*tool.Tool, field string) {
		if m[e] == nil {
			m[e] = map[string]*tool.Tool{}
		}
		if old := m[e][field]; old == nil || len(t.Params) < len(old.Params) {
			m[e][field] = t
		}
	}
	f := p.set.Domain.Entity(e).Field(param.Field)
	switch {
	case f == nil:
	case param.Role == tool.RoleID && f.Type == domain.Ref:
		add(p.children, f.Name)
	case (param.Role == tool.RoleFilter || param.Role == tool.RoleQuery) && param.Entity == e && f.Type != domain.Ref:
		add(p.finders, f.Name)
		if p.ways[e] == nil {
			p.ways[e] = map[string][]*tool.Tool{}
		}
		p.ways[e][f.Name] = append(p.ways[e][f.Name], t)
	}
}

// required lists the parameters without which a call is not valid.
func required(t *tool.Tool) []*tool.Param {
	var out []*tool.Param
	for i := range t.Params {
		if t.Params[i].Required {
			out = append(out, &t.Params[i])
		}
	}
	return out
}

// paramFor finds the parameter of a finder that takes a field's value.
func paramFor(t *tool.Tool, field string) *tool.Param {
	for i := range t.Params {
		if t.Params[i].Field == field && t.Params[i].Role != tool.RoleSort {
			return &t.Params[i]
		}
	}
	return nil
}

// Reason is why an attempt was refused.
type Reason string

// refusal is an attempt that came to nothing.
type refusal struct {
	reason Reason
	detail string
}

func (e *refusal) Error() string { return string(e.reason) + ": " + e.detail }

func refuse(reason Reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

func choose[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// shuffled is a copy in another order.
func shuffled[T any](r *rand.Rand, list []T) []T {
	out := append([]T(nil), list...)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// lowerFirst writes the first letter in lower case unless the word is an abbreviation.
func lowerFirst(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] < 'A' || s[1] > 'Z') {
		return string(s[0]-'A'+'a') + s[1:]
	}
	return s
}
