package domain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	snakeRE   = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	fillerRE  = regexp.MustCompile(`(?i)\b(lorem|ipsum|foobar|foo|baz|tbd|fixme|xxx+|placeholder|asdf|qwerty)\b|\bTODO\b`)
	shownRE   = regexp.MustCompile(`^[^"'{}\n\t]{1,120}$`)
	reserved  = []string{"id", "create", "update", "remove"}
	labelable = []Type{Person, Company, Title, Code, Address, City, Email, Text, Phone, URL}
)

// checker applies the rules of the format to one decoded domain.
type checker struct {
	*decoder
	d *Domain
}

func (c *checker) check() {
	d := c.d
	c.name(1, "domain", d.Name)
	var keys []string
	for _, k := range Categories() {
		keys = append(keys, k.Key)
	}
	if !slices.Contains(keys, d.Category) && d.Category != "" {
		c.report(1, "category", "unknown category %q%s", d.Category, didYouMean(d.Category, keys))
	}
	c.words(1, "title", d.Title, 1, 10)
	c.words(1, "service", d.Service, 1, 4)
	c.words(1, "about", d.About, 4, 30)
	c.words(1, "user", d.User, 1, 8)
	c.words(1, "assistant", d.Assistant, 1, 8)
	c.count(1, "entities", len(d.Entities), 4, 8)
	c.count(1, "rules", len(d.Rules), 2, 5)
	c.count(1, "actions", len(d.Actions), 4, 8)

	words := map[string]int{}
	prefixes := map[string]string{}
	for _, e := range d.Entities {
		if e.Name == e.Plural && e.Name != "" {
			c.report(e.Line, e.Name+".plural", "it equals the name: choose a plural that differs, such as %s_items", e.Name)
			e.Plural += "_items"
		}
		for _, w := range []string{e.Name, e.Plural} {
			if words[w] > 0 {
				c.report(e.Line, e.Name, "the word %q is already used on line %d: names and plurals are unique in a domain", w, words[w])
			}
			words[w] = e.Line
		}
		c.entity(e, prefixes)
	}
	for _, r := range d.Rules {
		c.rule(r)
	}
	seen := map[string]bool{}
	for _, a := range d.Actions {
		if seen[a.Name] {
			c.report(a.Line, "actions."+a.Name, "there are two actions of this name: rename one")
		}
		seen[a.Name] = true
		c.action(a)
	}
}

func (c *checker) name(line int, where, name string) {
	if name != "" && (!snakeRE.MatchString(name) || len(name) > 40) {
		c.report(line, where, "%q must be snake_case of at most 40 characters: small letters, digits and single underscores", name)
	}
}

// words checks a text that people will read.
func (c *checker) words(line int, where, text string, least, most int) {
	if text == "" {
		return // missing keys are already reported
	}
	if n := len(strings.Fields(text)); n < least || n > most {
		c.report(line, where, "%q has %d words; write %d to %d", text, n, least, most)
	}
	if m := fillerRE.FindString(text); m != "" {
		c.report(line, where, "%q is a placeholder: write the real text", m)
	}
}

func (c *checker) count(line int, where string, n, least, most int) {
	if n < least || n > most {
		c.report(line, where, "there are %d; the format wants %d to %d", n, least, most)
	}
}

func (c *checker) entity(e *Entity, prefixes map[string]string) {
	c.name(e.Line, e.Name, e.Name)
	c.name(e.Line, e.Name+".plural", e.Plural)
	c.words(e.Line, e.Name+".about", e.About, 3, 24)
	c.count(e.Line, e.Name+".records", e.Records, 4, 14)
	c.count(e.Line, e.Name+".fields", len(e.Fields), 5, 12)
	if p, err := parsePattern(e.ID); err != nil {
		if e.ID != "" {
			c.report(e.Line, e.Name+".id", "%v", err)
		}
	} else {
		e.id = p
		switch pre := p.prefix(); {
		case pre == "":
			c.report(e.Line, e.Name+".id", "%q must begin with letters that tell the entity, as in RSV-{5d}", e.ID)
		case prefixes[pre] != "":
			c.report(e.Line, e.Name+".id", "the prefix %q is already that of %s: choose another", pre, prefixes[pre])
		default:
			prefixes[pre] = e.Name
		}
		if p.room() < 4*e.Records || p.room() < 90 {
			c.report(e.Line, e.Name+".id", "%q has room for %d ids only: add places", e.ID, p.room())
		}
	}
	seen := map[string]bool{}
	verbs := map[string]bool{}
	for _, f := range e.Fields {
		where := e.Name + "." + f.Name
		if seen[f.Name] {
			c.report(f.Line, where, "there are two fields of this name: rename one")
		}
		seen[f.Name] = true
		c.field(f, where, false)
		if f.Edit != "" {
			c.verb(f.Line, where+".edit", f.Edit, verbs)
			if f.Name == e.State {
				c.report(f.Line, where, "the state is moved by transitions: remove edit")
			}
		}
	}
	c.label(e)
	c.state(e, verbs)
	for i, inv := range e.Invariants {
		where := fmt.Sprintf("%s.invariants[%d]", e.Name, i)
		f := c.expr(e.Line, where, inv, e)
		if f != nil && slices.ContainsFunc(f.Calls, func(s string) bool {
			return s != "today" && s != "add_days" && s != "days_between"
		}) {
			c.report(e.Line, where, "an invariant may only call today, add_days and days_between")
		}
	}
}

func (c *checker) verb(line int, where, verb string, verbs map[string]bool) {
	c.name(line, where, verb)
	if slices.Contains(reserved, verb) {
		c.report(line, where, "the verb %s has a fixed meaning: use a word of the trade", verb)
	}
	if verbs[verb] {
		c.report(line, where, "the verb %s is used twice in the entity: rename one", verb)
	}
	verbs[verb] = true
}

func (c *checker) label(e *Entity) {
	if e.Label == "id" || e.Label == "" {
		return
	}
	f := e.Field(e.Label)
	switch {
	case f == nil:
		var names []string
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
		c.report(e.Line, e.Name+".label", "there is no field %q%s", e.Label, didYouMean(e.Label, append(names, "id")))
	case f.Optional:
		c.report(e.Line, e.Name+".label", "the label %s must not be optional", e.Label)
	case !slices.Contains(labelable, f.Type):
		c.report(e.Line, e.Name+".label", "a %s does not name a record: choose a name, a title or id", f.Type)
	}
}

func (c *checker) state(e *Entity, verbs map[string]bool) {
	if e.State == "" {
		if len(e.Transitions) > 0 {
			c.report(e.Line, e.Name+".transitions", "transitions need state: the enum field that they move")
		}
		if e.Initial != "" {
			c.report(e.Line, e.Name+".initial", "initial needs state: the enum field that it is a value of")
		}
		return
	}
	f := e.Field(e.State)
	if f == nil || f.Type != Enum || f.Optional {
		c.report(e.Line, e.Name+".state", "%q must be an enum field of the entity that is not optional", e.State)
		return
	}
	if !slices.Contains(f.Values, e.Initial) {
		c.report(e.Line, e.Name+".initial", "%q is no value of %s%s", e.Initial, e.State, didYouMean(e.Initial, f.Values))
	}
	c.count(e.Line, e.Name+".transitions", len(e.Transitions), 1, 6)
	for _, t := range e.Transitions {
		where := e.Name + "." + t.Verb
		c.verb(t.Line, where, t.Verb, verbs)
		c.words(t.Line, where+".about", t.About, 2, 24)
		if len(t.From) == 0 {
			c.report(t.Line, where+".from", "name at least one state from which it is possible")
		}
		for _, s := range append(slices.Clone(t.From), t.To) {
			if !slices.Contains(f.Values, s) && s != "" {
				c.report(t.Line, where, "%q is no value of %s%s", s, e.State, didYouMean(s, f.Values))
			}
		}
		if slices.Contains(t.From, t.To) {
			c.report(t.Line, where, "it leads from %s to %s and changes nothing: remove %s from the list", t.To, t.To, t.To)
		}
		c.choices(t.Line, where+".reasons", t.Reasons, 2, 0)
	}
}

// choices checks values, samples and reasons; least does not apply to an absent list unless need is more than 0.
func (c *checker) choices(line int, where string, list []string, least, need int) {
	if len(list) < need || (len(list) > 0 && len(list) < least) {
		c.report(line, where, "there are %d; write at least %d", len(list), max(least, need))
	}
	seen := map[string]bool{}
	for _, s := range list {
		if seen[strings.ToLower(s)] {
			c.report(line, where, "%q is there twice: remove one", s)
		}
		seen[strings.ToLower(s)] = true
		if fillerRE.MatchString(s) {
			c.report(line, where, "%q is a placeholder: write a real value", s)
		}
	}
}
