package domain

import (
	"slices"
	"strconv"
	"strings"

	"muonclip/internal/script"
)

func (c *checker) rule(r *Rule) {
	where := "rules." + r.Forbid
	c.words(r.Line, where+".say", r.Say, 4, 40)
	e := c.d.Entity(r.Entity())
	if e == nil {
		var names []string
		for _, e := range c.d.Entities {
			names = append(names, e.Name)
		}
		c.report(r.Line, where, "there is no entity %q%s", r.Entity(), didYouMean(r.Entity(), names))
		return
	}
	if v := r.Verb(); e.Transition(v) == nil && e.Edit(v) == nil && v != "create" && v != "update" && v != "remove" {
		known := []string{"create"}
		for _, t := range e.Transitions {
			known = append(known, t.Verb)
		}
		for _, f := range e.Fields {
			if f.Edit != "" {
				known = append(known, f.Edit)
			}
		}
		c.report(r.Line, where, "%s has no transition or edit %q%s", e.Name, v, didYouMean(v, known))
	}
	c.expr(r.Line, where+".when", r.When, e)
}

// expr compiles an expression over the fields of an entity; nil when it is wrong.
func (c *checker) expr(line int, where, source string, e *Entity) *script.Func {
	if source == "" {
		return nil
	}
	f, err := script.CompileExpr(where, source, nil)
	if err != nil {
		c.report(line, where, "%q does not compile at %v", source, err)
		return nil
	}
	names := []string{"id"}
	for _, f := range e.Fields {
		names = append(names, f.Name)
	}
	for _, p := range f.Params {
		if !slices.Contains(names, p) {
			c.report(line, where, "%q uses %s, which is no field of %s%s", source, p, e.Name, didYouMean(p, names))
		}
	}
	for _, w := range script.Writes {
		if slices.Contains(f.Calls, w) {
			c.report(line, where, "%q calls %s: conditions only read", source, w)
		}
	}
	c.uses(line, where, f.Uses, 0)
	return f
}

func (c *checker) action(a *Action) {
	where := "actions." + a.Name
	c.name(a.Line, where, a.Name)
	c.words(a.Line, where+".about", a.About, 3, 30)
	c.count(a.Line, where+".params", len(a.Params), 0, 10)
	var params []string
	for _, p := range a.Params {
		if slices.Contains(params, p.Name) {
			c.report(p.Line, where+"."+p.Name, "there are two parameters of this name: rename one")
		}
		params = append(params, p.Name)
		c.field(p, where+"."+p.Name, true)
	}
	if a.Program == "" {
		return
	}
	f, err := script.Compile(where, a.Program, params, nil)
	if err != nil {
		line, msg := a.ProgramLine, err.Error()
		if n, rest, ok := strings.Cut(msg, ":"); ok {
			if i, err := strconv.Atoi(n); err == nil {
				line, msg = line+i-1, "column "+strings.TrimSpace(rest)
			}
		}
		c.report(line, where+".program", "does not compile: %s", msg)
		return
	}
	writes := slices.ContainsFunc(f.Calls, func(s string) bool { return slices.Contains(script.Writes, s) })
	if writes && !a.Writes {
		c.report(a.Line, where, "the program calls insert, update or remove: add writes: true")
	}
	if !writes && a.Writes {
		c.report(a.Line, where, "the program changes nothing: remove writes: true or make it write")
	}
	c.uses(a.ProgramLine-1, where+".program", f.Uses, 1)
}

// uses checks the literal names of entities and fields in a program; line is that before the program.
func (c *checker) uses(line int, where string, uses []script.Use, step int) {
	for _, u := range uses {
		at := line + u.Line*step
		if u.Func == "fail" {
			if !slices.Contains(Codes, u.Entity) {
				c.report(at, where, "fail(%q): unknown code%s", u.Entity, didYouMean(u.Entity, Codes))
			}
			continue
		}
		if u.Func == "add_days" || u.Func == "days_between" || u.Func == "allowed" || u.Func == "enforce" {
			continue
		}
		e := c.d.Entity(u.Entity)
		if e == nil {
			var names []string
			for _, e := range c.d.Entities {
				names = append(names, e.Name)
			}
			c.report(at, where, "%s(%q): there is no such entity%s", u.Func, u.Entity, didYouMean(u.Entity, names))
			continue
		}
		for _, f := range u.Fields {
			if e.Field(f) == nil && f != "id" {
				var names []string
				for _, f := range e.Fields {
					names = append(names, f.Name)
				}
				c.report(at, where, "%s(%q): there is no field %q%s", u.Func, u.Entity, f, didYouMean(f, names))
			}
		}
	}
}

// Codes are the codes with which a program may fail.
var Codes = []string{"not_found", "invalid_state", "invalid_argument", "forbidden", "conflict", "limit"}
