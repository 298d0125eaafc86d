package tool

import (
	"slices"
	"strconv"

	"muonclip/synth/domain"
)

func starText(s string) string { return strconv.Quote(s) }

// bounds makes the two ends of a range of a date or a number.
func (k *maker) bounds(e *domain.Entity, f *domain.Field) (from, until Param) {
	n := spaced(f.Name)
	if f.Type == domain.Date || f.Type == domain.Datetime {
		names := [][2]string{{f.Name + "_from", f.Name + "_until"}, {"from_date", "to_date"}, {"start", "end"}, {f.Name + "_after", f.Name + "_before"}, {"since", "until"}}
		p := names[index(k.choose("bounds/date", "0", "1", "2", "3", "4"))]
		from = Param{Name: k.style.param(p[0]), Local: "earliest", Role: RoleFrom, About: "Earliest " + n + ", inclusive"}
		until = Param{Name: k.style.param(p[1]), Local: "latest", Role: RoleUntil, About: "Latest " + n + ", inclusive"}
		from.Type, until.Type = domain.Date, domain.Date
	} else {
		names := [][2]string{{"min_" + f.Name, "max_" + f.Name}, {f.Name + "_min", f.Name + "_max"}, {f.Name + "_from", f.Name + "_to"}, {"at_least", "at_most"}}
		p := names[index(k.choose("bounds/number", "0", "1", "2", "3"))]
		from = Param{Name: k.style.param(p[0]), Local: "least", Role: RoleMin, About: "Lowest " + n + unit(f)}
		until = Param{Name: k.style.param(p[1]), Local: "most", Role: RoleMax, About: "Highest " + n + unit(f)}
		from.Type, until.Type = f.Type, f.Type
		from.Min, until.Min = min0(f), min0(f)
	}
	for _, p := range []*Param{&from, &until} {
		p.Entity, p.Field, p.Spec = e.Name, f.Name, f
	}
	return from, until
}

func index(s string) int { return int(s[0] - '0') }

// min0 is 0 where the numbers of a field are never negative.
func min0(f *domain.Field) *float64 {
	if f.Min != nil && *f.Min >= 0 {
		return num(0)
	}
	return nil
}

// ranges are the tools that select by numbers: between bounds, the largest, the nearest, the fit for a need.
func (k *maker) ranges(e *domain.Entity) {
	ns := spaced(e.Plural)
	for _, f := range e.Fields {
		if !f.Type.Numeric() {
			continue
		}
		fill := func(purpose string, list ...string) string {
			return sub(k.choose(purpose+"/"+e.Name+f.Name, list...), "<es>", ns, "<e>", spaced(e.Name), "<f>", spaced(f.Name), "<fa>", lower(f.About), "<u>", unit(f), "<an>", article(spaced(e.Name)))
		}
		if k.offers("range/"+e.Name+f.Name, 60) {
			lo, hi := k.bounds(e, f)
			params := []Param{lo, hi}
			more, equal := k.filters(e, 2)
			if !k.offers("range/filters", 50) {
				more, equal = nil, "{}"
			}
			k.add(draft{kind: "range", verb: k.verb("search"), object: e.Plural, rest: "by_" + f.Name + k.choose("range/word", "", "_range"), e: e,
				lead:  fill("range", "Find <es> whose <f><u> lies between two values", "<es> within a range of <f>", "Select <es> on <fa>", "Which <es> have <f> of at least or at most so much<u>?"),
				notes: []string{sentence(f.About) + " Values run from " + span(f)}, hint: "Leave out a bound to keep that side open",
				params: append(params, more...),
				body: sub(`rows = query("<e>", least={"<f>": least}, most={"<f>": most}, equal=<q>, sort="<f>")`, "<e>", e.Name, "<f>", f.Name, "<q>", equal) +
					"\n" + k.whole(e), returns: k.list(e)})
		}
		if k.offers("top/"+e.Name+f.Name, 45) {
			dir, word := "True", k.verb("top")
			order := "highest"
			if k.offers("top/low/"+e.Name+f.Name, 35) {
				dir, word, order = "False", "lowest", "lowest"
			}
			if k.style.Case == "dotted" || k.style.Case == "object_first" {
				word = k.verb("list") + "_" + order
			}
			k.add(draft{kind: "top", verb: word, object: e.Plural, rest: "by_" + f.Name, e: e,
				lead:  fill("top/"+order, "The <es> with the "+order+" <f>", "Rank <es> by <f>, "+order+" first", "First few <es> in order of <fa>, "+order+" first"),
				notes: []string{k.fieldAbout(f)}, params: []Param{k.limitParam("How many "+ns+" are wanted", 3)},
				body: sub(`rows = query("<e>", sort="<f>", descending=<d>)[:limit]`, "<e>", e.Name, "<f>", f.Name, "<d>", dir) + "\n" + k.whole(e), returns: k.list(e)})
		}
		if k.offers("nearest/"+e.Name+f.Name, 22) {
			p := k.fieldParam(e, f, RoleValue, true)
			p.Name, p.Local, p.About, p.Role = k.style.param("target_"+f.Name), "target", "Wanted "+spaced(f.Name)+unit(f), RoleExtra
			k.add(draft{kind: "top", verb: k.choose("nearest", "find_closest", "nearest", "find_similar"), object: e.Plural, rest: "by_" + f.Name, e: e,
				lead:  fill("nearest", "<es> whose <f> is nearest to a wish", "Find <an> with about this <f><u>", "Closest matches by <fa>"),
				notes: []string{"Ordered by the distance from the wanted value; at most three"}, params: []Param{p},
				body: sub(`
rows = [r for r in query("<e>") if r["<f>"] != None]
rows = sorted(rows, key=lambda r: abs(r["<f>"] - target))[:3]
`, "<e>", e.Name, "<f>", f.Name) + k.whole(e), returns: k.list(e)})
		}
	}
	k.suggest(e)
}

// suggest picks the best record for a need: some choices and an upper bound.
func (k *maker) suggest(e *domain.Entity) {
	var f *domain.Field
	for _, x := range e.Fields {
		if x.Type.Numeric() && !x.Optional {
			f = x
			break
		}
	}
	filters, equal := k.filters(e, 2, e.State)
	if f == nil || len(filters) == 0 || !k.offers("suggest", 60) {
		return
	}
	_, hi := k.bounds(e, f)
	hi.About = "Not more than this " + spaced(f.Name) + unit(f)
	n := spaced(e.Name)
	k.add(draft{kind: "suggest", verb: k.verb("suggest"), object: e.Name, e: e,
		lead:  sub(k.choose("suggest/"+e.Name, "Suggest the <e> with the lowest <f> that meets the wishes", "Pick <an> for a need", "Best <e> for given wishes, by <f>"), "<e>", n, "<an>", article(n), "<f>", spaced(f.Name)),
		notes: []string{"Decides by " + lower(f.About) + "; the lowest wins", "Fails with not_found when nothing fits"}, params: append(filters, hi),
		body: sub(`
rows = query("<e>", equal=<q>, most={"<f>": most}, sort="<f>")
if not rows:
    fail("not_found", "no <n> fits these wishes")
return {"best": rows[0], "alternatives": [r["id"] for r in rows[1:4]]}`, "<e>", e.Name, "<f>", f.Name, "<n>", n, "<q>", equal),
		returns: Returns{Shape: "value", Entity: e.Name, Field: "best"}})
}

// dates are the tools that select by days: a period, a day, what comes next, what came last, what is overdue.
func (k *maker) dates(e *domain.Entity) {
	n, ns := spaced(e.Name), spaced(e.Plural)
	for _, f := range e.Fields {
		if f.Type != domain.Date && f.Type != domain.Datetime {
			continue
		}
		fill := func(purpose string, list ...string) string {
			return sub(k.choose(purpose+"/"+e.Name+f.Name, list...), "<es>", ns, "<e>", n, "<f>", spaced(f.Name), "<fa>", lower(f.About), "<an>", article(n))
		}
		from, until := k.bounds(e, f)
		from.Required = true
		params := []Param{from, until}
		equal := "{}"
		if e.State != "" {
			s := k.fieldParam(e, e.Field(e.State), RoleFilter, false)
			params = append(params, s)
			equal = sub(`{"<s>": <p>}`, "<s>", e.State, "<p>", s.Local)
		}
		k.add(draft{kind: "range", verb: k.verb("list"), object: e.Plural, rest: k.choose("period", "by_", "between_", "in_period_of_") + f.Name, e: e,
			lead:  fill("period", "List <es> by <f> within a period", "<es> with <f> between two days", "Calendar of <es> by <fa>", "What <es> fall into a period?"),
			notes: []string{"The period refers to " + lower(f.About) + "; the last day is included", k.record(e)}, params: params,
			body: sub(`rows = query("<e>", least={"<f>": earliest}, most={"<f>": latest}, equal=<q>, sort="<f>")`, "<e>", e.Name, "<f>", f.Name, "<q>", equal) +
				"\n" + k.whole(e), returns: k.list(e)})
		k.dayTools(e, f, fill)
	}
}

func (k *maker) dayTools(e *domain.Entity, f *domain.Field, fill func(string, ...string) string) {
	ns := spaced(e.Plural)
	from, until := -1, 1
	if f.From != nil && f.Until != nil {
		from, until = *f.From, *f.Until
	}
	until1, _ := k.bounds(e, f)
	day := until1
	day.Name, day.Local, day.About, day.Required, day.Role = k.style.param(k.choose("day", "date", "day", "on")), "day", "Day of the "+spaced(f.Name), true, RoleFilter
	if k.offers("on_day/"+e.Name+f.Name, 50) {
		k.add(draft{kind: "on_day", verb: k.verb("list"), object: e.Plural, rest: k.choose("on_day", "on_", "for_day_of_", "at_") + f.Name, e: e,
			lead:  fill("on_day", "<es> with this very <f>", "List the <es> of a single day", "Day sheet of <es> by <f>", "Which <es> have <f> on that day?"),
			notes: []string{sentence(f.About)}, params: []Param{day},
			body: sub(`rows = query("<e>", least={"<f>": day}, most={"<f>": day})`, "<e>", e.Name, "<f>", f.Name) + "\n" + k.whole(e), returns: k.list(e)})
	}
	if until > 1 && k.offers("upcoming", 80) {
		k.add(draft{kind: "upcoming", verb: k.choose("upcoming/v", "next", "list_upcoming", "upcoming", "list_coming"), object: e.Plural, rest: "by_" + f.Name, e: e,
			lead:  fill("upcoming", "The next <es> from today on, by <f>", "What is coming up: <es> in order of <f>", "Nearest future <f> of any <e>", "Look ahead at <es>"),
			notes: []string{"Counts from today; " + lower(f.About), k.record(e)}, params: []Param{k.limitParam("How many "+ns+" to look ahead", 3)},
			body: sub(`rows = query("<e>", least={"<f>": today()}, sort="<f>")[:limit]`, "<e>", e.Name, "<f>", f.Name) + "\n" + k.whole(e), returns: k.list(e)})
	}
	if from < -1 && k.offers("recent", 80) {
		k.add(draft{kind: "upcoming", verb: k.choose("recent/v", "recent", "list_recent", "latest", "list_last"), object: e.Plural, rest: "by_" + f.Name, e: e,
			lead:  fill("recent", "The latest <es> up to today, by <f>", "Most recent <es> first", "Look back at <es> in order of <f>", "Last few <es> by <fa>"),
			notes: []string{"Newest first; " + lower(f.About)}, params: []Param{k.limitParam("How many "+ns+" to look back", 5)},
			body: sub(`rows = query("<e>", most={"<f>": today()}, sort="<f>", descending=True)[:limit]`, "<e>", e.Name, "<f>", f.Name) + "\n" + k.whole(e), returns: k.list(e)})
	}
	if open := openStates(e); len(open) > 0 && from < 0 && k.offers("overdue", 75) {
		k.add(draft{kind: "overdue", verb: k.verb("list"), object: k.choose("overdue/o", "overdue", "late", "stale", "past_due") + "_" + e.Plural, rest: "by_" + f.Name, e: e,
			lead:  fill("overdue", "<es> whose <f> has passed although they are not finished", "Find late <es>", "Backlog of <es> by <f>", "Unfinished <es> with <f> before today"),
			notes: []string{"Not finished means " + spaced(e.State) + " " + orList(spacedAll(open)) + "; the oldest comes first"},
			params: []Param{{Name: k.style.param(k.choose("grace", "grace_days", "min_days_late", "days_overdue")), Local: "days", Role: RoleExtra, Type: domain.Int,
				About: "Days that must have passed since the " + spaced(f.Name), Min: num(0), Max: num(365), Default: 0}},
			body: sub(`
limit = add_days(today(), -days - 1)
rows = [r for r in query("<e>", most={"<f>": limit}, sort="<f>") if r["<s>"] in [<o>]]
`, "<e>", e.Name, "<f>", f.Name, "<s>", e.State, "<o>", quoted(open)) + k.whole(e), returns: k.list(e)})
	}
	k.countdown(e, f, until <= 0)
	if k.offers("histogram/"+e.Name+f.Name, 35) {
		k.add(draft{kind: "breakdown", verb: k.verb("count"), object: e.Plural, rest: "per_month_of_" + f.Name, e: e,
			lead:  fill("histogram", "Number of <es> in each month, by <f>", "Monthly counts of <es>", "How are <es> spread over the months?"),
			notes: []string{"The month is that of " + lower(f.About)},
			body: sub(`
months = {}
for r in query("<e>", sort="<f>"):
    if r["<f>"] != None:
        m = r["<f>"][:7]
        months[m] = months.get(m, 0) + 1
return {"groups": [{"month": m, "count": months[m]} for m in months]}`, "<e>", e.Name, "<f>", f.Name),
			returns: Returns{Shape: "groups", Entity: e.Name, Field: "month", Items: "groups"}})
	}
}

// countdown counts the days to a date, or since one that always lies in the past.
func (k *maker) countdown(e *domain.Entity, f *domain.Field, past bool) {
	if !k.offers("days_until/"+e.Name+f.Name, 50) {
		return
	}
	verb, between := k.choose("days/v", "days_until", "countdown_to", "time_to", "get_days_to"), `today(), r["<f>"]`
	leads := []string{"Days from today to the <f> of <an>", "How long until the <f> of this <e>?", "How many days are left to the <f> of <an>"}
	note := "Negative when the day has passed; " + lower(f.About)
	if past {
		verb, between = k.choose("days/p", "days_since", "age_by", "time_since", "get_days_since"), `r["<f>"], today()`
		leads = []string{"Days since the <f> of <an>", "How long ago was the <f> of this <e>?", "How many days have passed since the <f> of <an>"}
		note = sentence(f.About)
	}
	k.add(draft{kind: "value", verb: verb, object: f.Name, rest: "of_" + e.Name, e: e,
		lead:  sub(k.choose("days/"+e.Name+f.Name, leads...), "<f>", spaced(f.Name), "<e>", spaced(e.Name), "<an>", article(spaced(e.Name))),
		notes: []string{note}, params: []Param{k.idParam(e)},
		body: sub(sub(`
r = get("<e>", id)
if r["<f>"] == None:
    fail("invalid_state", "%s has no <fn>" % id)
return {"id": id, "<f>": r["<f>"], "days": days_between(<b>)}`, "<b>", between), "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name)),
		returns: Returns{Shape: "value", Entity: e.Name, Field: "days"}})
}

// openStates are the states from which a transition leads on.
func openStates(e *domain.Entity) []string {
	var out []string
	for _, t := range e.Transitions {
		for _, s := range t.From {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	if e.State != "" && len(out) == len(e.Field(e.State).Values) {
		return nil // a circle: nothing is ever finished
	}
	return out
}

func quoted(list []string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ", "
		}
		out += starText(s)
	}
	return out
}
