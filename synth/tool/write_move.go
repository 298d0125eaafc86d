package tool

import (
	"slices"
	"strconv"
	"strings"

	"muonclip/synth/domain"
)

func trim(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// transitions are the tools that move records from state to state, one for each transition of the domain file.
func (k *maker) transitions(e *domain.Entity) {
	n := spaced(e.Name)
	for _, t := range e.Transitions {
		v, object := verbName(t.Verb, e.Name)
		params := []Param{k.idParam(e)}
		if len(t.Reasons) > 0 {
			params = append(params, Param{Name: k.choose("reason", "reason", "reason", "cause", "why"), Local: "reason", Role: RoleReason, Entity: e.Name, Type: domain.Enum,
				Values: t.Reasons, About: "Why: " + orList(t.Reasons), Required: k.offers("reason/required", 70)})
		}
		note := "Possible while " + spaced(e.State) + " is " + orList(spacedAll(t.From)) + "; afterwards it is " + spaced(t.To)
		k.add(draft{kind: "transition", verb: v, object: object, e: e, op: e.Name + "." + t.Verb, writes: true, consent: t.Consent,
			lead: t.About, notes: []string{note, k.ruleNote(e, t.Verb)},
			hint:   sub(k.choose("transition/"+e.Name+t.Verb, "Look at <an> first", "Name the <e> to the "+k.d.User+" before you do it", ""), "<an>", article(n), "<e>", n),
			params: params, needs: t.From,
			body:    k.step(e, t, "id") + sub("return update(\"<e>\", id, {\"<s>\": \"<to>\"})", "<e>", e.Name, "<s>", e.State, "<to>", t.To),
			returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, t.Verb)})
	}
	k.advance(e)
}

// step are the lines that refuse a transition from the wrong state.
func (k *maker) step(e *domain.Entity, t *domain.Transition, id string) string {
	return sub(`r = get("<e>", <id>)
if r["<s>"] not in [<from>]:
    fail("invalid_state", "<n> %s is %s, not <names>" % (<id>, r["<s>"]))
`, "<e>", e.Name, "<id>", id, "<s>", e.State, "<from>", quoted(t.From), "<n>", spaced(e.Name), "<names>", orList(t.From)) + k.enforce(e, t.Verb, id)
}

// advance takes the only step that is open.
func (k *maker) advance(e *domain.Entity) {
	if len(e.Transitions) < 2 || !k.offers("advance", 45) {
		return
	}
	for _, t := range e.Transitions {
		if t.Consent || len(t.Reasons) > 0 {
			continue
		}
		for _, r := range k.d.Rules {
			if r.Enforced && r.Forbid == e.Name+"."+t.Verb {
				return
			}
		}
	}
	var steps []string
	needs := []string{}
	from := map[string]int{}
	for _, t := range e.Transitions {
		for _, s := range t.From {
			from[s]++
		}
	}
	for _, t := range e.Transitions {
		if t.Consent {
			continue
		}
		for _, s := range t.From {
			if from[s] == 1 {
				steps = append(steps, starText(s)+": "+starText(t.To))
				needs = append(needs, s)
			}
		}
	}
	if len(steps) < 2 {
		return
	}
	n := spaced(e.Name)
	k.add(draft{kind: "transition", verb: k.choose("advance", "advance", "move_on", "progress", "step_forward"), object: e.Name, e: e, op: e.Name + ".advance", writes: true,
		lead:  sub(k.choose("advance/"+e.Name, "Move <an> to its next <s>", "Take the one step that is open to <an>", "Advance <an> where only one way leads on"), "<an>", article(n), "<s>", spaced(e.State)),
		notes: []string{"Works from " + orList(spacedAll(needs)) + "; elsewhere the step must be named"}, params: []Param{k.idParam(e)}, needs: needs,
		body: sub(`
r = get("<e>", id)
steps = {<st>}
if r["<s>"] not in steps:
    fail("invalid_state", "from %s there is not exactly one step" % r["<s>"])
return update("<e>", id, {"<s>": steps[r["<s>"]]})`, "<e>", e.Name, "<st>", strings.Join(steps, ", "), "<s>", e.State),
		returns: Returns{Shape: "change", Entity: e.Name},
		touches: func(c *call) []Touch {
			r, ok := c.w.Get(e.Name, c.text("id"))
			if !ok {
				return nil
			}
			for _, t := range e.Transitions {
				if slices.Contains(t.From, r.Text(e.State)) && slices.Contains(needs, r.Text(e.State)) {
					return []Touch{{e.Name + "." + t.Verb, e.Name, r.ID}}
				}
			}
			return nil
		}})
}

// bulk are the transitions of several records in one call, by a list of ids or by what they belong to.
func (k *maker) bulk(e *domain.Entity) {
	ns := spaced(e.Plural)
	for _, t := range e.Transitions {
		v, object := verbName(t.Verb, e.Name)
		if object != "" {
			object = e.Plural
		}
		if !t.Consent && k.offers("bulk/"+e.Name+t.Verb, 55) {
			k.add(draft{kind: "bulk", verb: k.verb("bulk") + "_" + v, object: object, rest: "", e: e, op: e.Name + "." + t.Verb, writes: true,
				lead:  sub(k.choose("bulk/"+e.Name+t.Verb, "For several <es> at once: <a>", "<A>, for a list of <es>", "Do this to many <es> in one call: <a>"), "<es>", ns, "<a>", lower(t.About), "<A>", t.About),
				notes: []string{"Those that are not " + orList(spacedAll(t.From)) + " are left alone and listed in failed"}, needs: t.From,
				params: []Param{k.idsParam(e, 1, 20, "The "+ns+" concerned")},
				body: sub(`
done = []
failed = []
for i in ids:
    rows = query("<e>", equal={"id": i})
    if not rows:
        failed.append({"id": i, "code": "not_found", "message": "there is no <n> with this id"})
    elif rows[0]["<s>"] not in [<from>]:
        failed.append({"id": i, "code": "invalid_state", "message": "it is %s" % rows[0]["<s>"]})
    else:
        <x>update("<e>", i, {"<s>": "<to>"})
        done.append(i)
return {"done": done, "failed": failed}`, "<e>", e.Name, "<n>", spaced(e.Name), "<s>", e.State, "<from>", quoted(t.From), "<to>", t.To, "<x>", deeper(k.enforce(e, t.Verb, "i"))),
				returns: Returns{Shape: "change", Entity: e.Name, Items: "done"},
				touches: func(c *call) []Touch {
					var out []Touch
					for _, id := range c.texts("ids") {
						if r, ok := c.w.Get(e.Name, id); ok && slices.Contains(t.From, r.Text(e.State)) {
							out = append(out, Touch{e.Name + "." + t.Verb, e.Name, id})
						}
					}
					return out
				}})
		}
		f := firstOf(e, domain.Ref)
		if f == nil || !k.offers("sweep/"+e.Name+t.Verb, 25) {
			continue
		}
		to := k.d.Entity(f.To)
		p := k.fieldParam(e, f, RoleID, true)
		p.Entity, p.About = to.Name, "Whose "+ns+" are meant"
		k.add(draft{kind: "bulk", verb: v + "_all", object: e.Plural, rest: "of_" + f.Name, e: e, op: e.Name + "." + t.Verb, writes: true, consent: t.Consent,
			lead: sub(k.choose("sweep/"+e.Name+t.Verb, "<A>, for all <es> of one <f>", "All <es> of <af> that are <from>: <a>"), "<es>", ns, "<a>", lower(t.About), "<A>", t.About,
				"<f>", spaced(f.Name), "<af>", article(spaced(f.Name)), "<from>", orList(spacedAll(t.From))),
			notes: []string{"Takes every one that is " + orList(spacedAll(t.From)) + " and tells which they were"}, params: []Param{p},
			body: sub(`
get("<t>", <p>)
done = []
for r in query("<e>", equal={"<f>": <p>}):
    if r["<s>"] in [<from>]:
        <x>update("<e>", r["id"], {"<s>": "<to>"})
        done.append(r["id"])
return {"done": done, "total": len(done)}`, "<t>", to.Name, "<p>", p.Local, "<e>", e.Name, "<f>", f.Name, "<s>", e.State, "<from>", quoted(t.From), "<to>", t.To,
				"<x>", deeper(k.enforce(e, t.Verb, `r["id"]`))),
			returns: Returns{Shape: "change", Entity: e.Name, Items: "done"},
			touches: func(c *call) []Touch {
				var out []Touch
				for _, r := range c.w.Records(e.Name) {
					if r.Get(f.Name) == c.args[p.Local] && slices.Contains(t.From, r.Text(e.State)) {
						out = append(out, Touch{e.Name + "." + t.Verb, e.Name, r.ID})
					}
				}
				return out
			}})
	}
}

func deeper(s string) string {
	if s == "" {
		return ""
	}
	return s + "        "
}
