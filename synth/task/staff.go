package task

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
)

// staff gives the task its user and its agent: the system prompt, the tools on offer and the policy.
func (b *builder) staff(t *Task) error {
	t.Persona = b.persona()
	if b.pool.cfg.Compact {
		return b.staffCompact(t)
	}
	b.distract()
	if len(b.list) > 60 {
		return refuse(Crowded, "%d tools", len(b.list))
	}
	t.Tools = shuffled(b.r, b.list)
	b.units(t)
	for _, rule := range b.d.Rules {
		t.Policy = append(t.Policy, rule.Say)
	}
	t.System = b.system(b.d, t.Policy)
	t.Agent = agentName(t)
	return nil
}

// units takes the unit off values that the agent has to tell where no offered tool says it, so that nobody has to
// invent it.
func (b *builder) units(t *Task) {
	for _, seg := range t.Segments {
		for _, f := range seg.Facts {
			if !said(t.Tools, f.Value.Unit) {
				f.Value.Unit = ""
			}
		}
		for _, s := range seg.Slots {
			if s.Role == RoleWhich && !said(t.Tools, s.Value.Unit) {
				s.Value.Unit = ""
			}
		}
	}
}

// said reports whether the declaration of a tool says a unit. One like "per 1000" never counts as said: it would read
// as a number of its own.
func said(tools []*tool.Tool, unit string) bool {
	if slices.ContainsFunc(strings.Fields(unit), func(w string) bool { return strings.Trim(w, "0123456789,.") == "" }) {
		return false
	}
	return slices.ContainsFunc(tools, func(x *tool.Tool) bool {
		return strings.Contains(x.Description, unit) || bytes.Contains(x.Parameters, []byte(unit))
	})
}

// agentName names a combination of system prompt and tools.
func agentName(t *Task) string {
	h := fnv.New64a()
	h.Write([]byte(t.System))
	names := make([]string, len(t.Tools))
	for i, x := range t.Tools {
		names[i] = x.Name
	}
	slices.Sort(names)
	h.Write([]byte(strings.Join(names, " ")))
	return fmt.Sprintf("%s-%012x", t.Domain.Name, h.Sum64()>>16)
}

// distract offers further tools: of the same product, and some of others.
func (b *builder) distract() {
	tools := b.p.set.Tools
	for range 3 + b.r.IntN(8) {
		b.offer(choose(b.r, tools))
	}
	if b.r.IntN(3) == 0 {
		for range 1 + b.r.IntN(4) {
			other := choose(b.r, b.pool.products)
			if other != b.p {
				b.offer(choose(b.r, other.set.Tools))
			}
		}
	}
	if b.r.IntN(8) == 0 {
		b.offer(b.wait())
	}
	if b.r.IntN(8) == 0 {
		b.offer(b.more())
	}
}

var (
	firstNames = strings.Fields("Ada Alma Amir Anton Beatriz Birgit Carlos Chiara Dagny Daniel Edda Emeka Esra Farid Fiona Grete Hana Hugo Ines Ivan Jana Jonas Kaya Kenji Lars Leila Lena Luca Maja Marek Mei Nadia Nils Noor Olga Omar Paula Pedro Petra Rafael Rania Rosa Sana Silas Sofia Stefan Tariq Tessa Tomas Uma Vera Viktor Wanda Yara Yusuf Zoe")
	lastNames  = strings.Fields("Abara Ahlberg Alvez Amado Bakker Banik Berger Bianco Castell Corva Dahl Demir Dorn Eklund Esposti Falk Farkas Ferrand Geller Gomis Haddad Halvorsen Hartwin Ibarra Ivarsen Jansky Kallio Karimi Keller Kovac Kruger Lindholm Lombar Maalouf Marin Mbeki Meier Moreno Nakata Nowicki Okafor Olsen Ortega Palma Petrov Quist Ramires Rossini Saito Sandor Silvan Soares Takeda Tolvanen Urbano Vidal Wessel Winter Yildir Zander")
)

// persona draws the user.
func (b *builder) persona() Persona {
	p := Persona{Name: choose(b.r, firstNames) + " " + choose(b.r, lastNames), Style: choose(b.r, Styles()), Patience: 2 + b.r.IntN(4), Thanks: b.r.IntN(2) == 0}
	if p.Style == Impatient {
		p.Patience = 1 + b.r.IntN(2)
	}
	return p
}

// system writes the system prompt of an agent.
func (b *builder) system(d *domain.Domain, policy []string) string {
	var s strings.Builder
	pick := func(options ...string) string { return choose(b.r, options) }
	fmt.Fprintf(&s, pick("You are the %[1]s of %[2]s. %[3]s", "You work as %[1]s for %[2]s: %[3]s", "As the %[1]s of %[2]s you help every %[4]s who writes. %[3]s", "%[2]s – %[3]s You are its %[1]s.",
		"You are an assistant at %[2]s, in the role of %[1]s. The service: %[3]s", "Role: %[1]s. Product: %[2]s. Scope: %[3]s"), d.Assistant, d.Service, d.About, d.User)
	s.WriteString("\n" + fmt.Sprintf(pick("Today is %s.", "The current date is %s.", "Date: %s.", "It is %s."), b.today.Format(pick("Monday, 2 January 2006", "2006-01-02", "2 January 2006"))))
	if len(policy) > 0 {
		s.WriteString("\n" + pick("Policies that you must observe:", "House rules:", "Never act against these rules:", "Policy:"))
		mark := pick("- ", "* ", "• ")
		for _, p := range policy {
			s.WriteString("\n" + mark + p)
		}
	}
	s.WriteString("\n" + pick("Some operations need the user's consent: say what you are about to do and wait for a clear yes.",
		"Before anything final, such as a cancellation, ask the user to confirm and go on only when they agree.", "Ask for explicit consent before you call a tool whose effects cannot be taken back."))
	s.WriteString(" " + pick("Use the tools for all facts; never guess a value that the user has not given.", "Do not invent ids or values: look them up or ask.",
		"If something is missing or ambiguous, ask before you act.", "When a request leaves open which record is meant, ask."))
	if b.r.IntN(2) == 0 {
		s.WriteString(" " + pick("If a tool fails for a moment, try again a few times, then say so.", "Report failures honestly.", "Wait as long as the service asks for when it limits the rate.", "Keep answers short.", "Be polite and to the point.", "Answer in plain sentences."))
	}
	return s.String()
}

// irrelevant makes a task in which the user asks the wrong desk: the tools belong to another trade.
func (p *Pool) irrelevant(key Key, b *builder) (*Task, error) {
	desk := b.p
	for range 8 {
		if other := choose(b.r, p.products); other.set.Domain.Category != desk.set.Domain.Category {
			b.p, b.d = other, other.set.Domain
			break
		}
	}
	if b.p == desk {
		return nil, refuse(NoPlan, "no domain of another category")
	}
	w, err := b.p.set.Model.World(b.r.Uint64())
	if err != nil {
		return nil, err
	}
	deskWorld := b.start
	b.start, b.w = w, w.Clone()
	seg := b.make(choose(b.r, []Kind{Single, Single, Dependent}))
	if seg == nil || seg.Intent.Entity == nil || desk.set.Domain.Entity(seg.Intent.Entity.Name) != nil {
		return nil, refuse(NoPlan, "irrelevant request")
	}
	seg.Kind, seg.Outcome, seg.Facts = Irrelevant, NoMeans, nil
	seg.Steps = []*Step{{Do: DoReport, Each: -1}}
	b.p, b.d, b.segs = desk, desk.set.Domain, []*Segment{seg}
	b.tools, b.list = map[string]*tool.Tool{}, nil
	b.start, b.w, b.gold = deskWorld, deskWorld.Clone(), gold{}
	for range 2 {
		if p.cfg.Compact && len(b.list) > 0 {
			break
		}
		b.offer(choose(b.r, desk.set.Tools))
	}
	t := &Task{Key: key, Kind: Irrelevant, Domain: b.d, Today: b.today, Segments: b.segs, World: b.start}
	if err := b.staff(t); err != nil {
		return nil, err
	}
	for _, x := range t.Tools {
		if x.Domain != desk.set.Domain.Name && x.Origin == "" {
			return nil, refuse(NoPlan, "a tool of another product is offered")
		}
	}
	b.close(t)
	return t, b.guard(t)
}
