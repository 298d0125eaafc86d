package live

import (
	"slices"
	"strings"
)

// memoryPrograms are the dialogues on server-memory.
var memoryPrograms = []*program{
	{name: "remember", kind: "dependent_calls", difficulty: 3, run: remember, uses: []string{"search_nodes", "create_entities", "create_relations"},
		criteria: []string{"Person, company and relation are in the memory."}},
	{name: "observe", kind: "dependent_calls", difficulty: 2, run: observe, uses: []string{"open_nodes", "add_observations"},
		criteria: []string{"The observation is added to the person and nothing else changes."}},
	{name: "recall", kind: "single_call", difficulty: 1, run: recall, uses: []string{"search_nodes"},
		criteria: []string{"What the memory knows is told.", "Nothing is changed."}},
	{name: "forget", kind: "needs_consent", difficulty: 3, run: forget, uses: []string{"open_nodes", "delete_entities"},
		criteria: []string{"The user is asked before anything is deleted.", "The user's decision is carried out."}},
	{name: "unknown", kind: "missing_information", difficulty: 4, run: unknown, uses: []string{"search_nodes", "create_entities"},
		criteria: []string{"The user hears that the person is not known.", "The person is created with what the user says."}},
	{name: "correct", kind: "parallel_calls", difficulty: 4, run: correct, uses: []string{"open_nodes", "delete_observations", "add_observations"},
		criteria: []string{"The old observation is gone and the new one is there."}},
	{name: "colleagues", kind: "dependent_calls", difficulty: 3, run: colleagues, uses: []string{"open_nodes"},
		criteria: []string{"All people with the relation are named."}},
}

// know adds an entity to the beginnings and the goal.
func (st *stage) know(name, kind string, observations ...string) {
	st.begin.entity(name, kind, observations...)
	st.goal.entity(name, kind, observations...)
}

func (st *stage) relate(from, kind, to string) {
	st.begin.relation(from, kind, to)
	st.goal.relation(from, kind, to)
}

// strangers puts people and places into the memory that nobody asks for.
func (st *stage) strangers(except ...string) {
	for _, p := range several(st.r, people, 2+st.r.IntN(3)) {
		if !slices.Contains(except, p) {
			st.know(p, "person", several(st.r, skills, 1+st.r.IntN(2))...)
		}
	}
	c := draw(st.r, cities)
	st.know(c, "city")
}

// graph is what the tools of the memory return.
type graph struct {
	Entities []struct {
		Name         string   `json:"name"`
		EntityType   string   `json:"entityType"`
		Observations []string `json:"observations"`
	} `json:"entities"`
	Relations []struct {
		From, To, RelationType string
	} `json:"relations"`
}

func (st *stage) graph(text string) graph {
	var g graph
	decodeText(st, text, &g)
	return g
}

func remember(st *stage) {
	who, firm, skill := draw(st.r, people), draw(st.r, firms), draw(st.r, skills)
	st.strangers(who)
	st.goal.entity(who, "person", skill)
	st.goal.entity(firm, "company")
	st.goal.relation(who, "works_at", firm)
	st.start()
	v := vars{"who": who, "firm": firm, "skill": skill}
	st.user(v, "[please|] remember this: the person {who} works at the company {firm} and {skill}.", "[make a note|keep in mind] that {who} works at {firm}, a company, and {skill}. [A nice person.|It is a person I met today.]", "I met a person called {who} today, who works at a company named {firm} and {skill}. [Remember that.|Please keep it.]")
	found := st.graph(st.call("search_nodes", args{"query", who}))
	st.fit(len(found.Entities) == 0, "%s is known already", who)
	st.call("create_entities", args{"entities", []args{{"name", who, "entityType", "person", "observations", []string{skill}}, {"name", firm, "entityType", "company", "observations", []string{}}}})
	st.call("create_relations", args{"relations", []args{{"from", who, "to", firm, "relationType", "works_at"}}})
	st.assistant(v, "noted: {who} works at {firm} and {skill}.", "I will remember that {who} {skill} and works at {firm}.", "[saved|done]. {who} is in the memory now, with {firm} as employer.")
}

func observe(st *stage) {
	who := draw(st.r, people)
	known := several(st.r, skills, 2)
	st.strangers(who)
	st.know(who, "person", known[0])
	st.goal.entity(who, "person", known...)
	st.fact(known[0])
	st.start()
	v := vars{"who": who, "new": known[1]}
	st.user(v, "I learned that {who} {new}. [Add that, and tell me what you knew before.|Please add it. What else do you know?]", "{who} also {new}. [Remember it, and remind me what we had.|Put that down, please. What did we know so far?]")
	g := st.graph(st.call("open_nodes", args{"names", []string{who}}))
	st.fit(len(g.Entities) == 1 && len(g.Entities[0].Observations) == 1, "the person is not as it was put")
	st.call("add_observations", args{"observations", []args{{"entityName", who, "contents", []string{known[1]}}}})
	v["old"] = g.Entities[0].Observations[0]
	st.assistant(v, "added. [So far|Until now] I knew that {who} {old}.", "I have added that {who} {new}. Before, the memory said only that {who} {old}.", "[done|noted]: {who} {old}, and {new}.")
}

func recall(st *stage) {
	who, firm := draw(st.r, people), draw(st.r, firms)
	known := several(st.r, skills, 1+st.r.IntN(2))
	st.strangers(who)
	st.know(who, "person", known...)
	st.know(firm, "company")
	st.relate(who, "works_at", firm)
	for _, k := range known {
		st.fact(k)
	}
	st.fact(firm)
	st.start()
	v := vars{"who": who}
	st.user(v, "what do you know about {who}? [And where do they work?|Where does this person work?]", "tell me everything about {who}[, the employer too|, employer included].", "who is {who} again, and for whom do they work?")
	g := st.graph(st.call("search_nodes", args{"query", who}))
	st.fit(len(g.Entities) == 1 && len(g.Relations) == 1, "the search finds %d entities", len(g.Entities))
	v["facts"], v["firm"] = list(g.Entities[0].Observations), g.Relations[0].To
	st.assistant(v, "{who} works at {firm}. [What I know besides|Also known]: {facts}.", "according to the memory, {who} {facts}, and works at {firm}.", "{who} {facts}. [The employer is|They work at] {firm}.")
}

func forget(st *stage) {
	who, firm := draw(st.r, people), draw(st.r, firms)
	known := several(st.r, skills, 1+st.r.IntN(2))
	st.strangers(who)
	st.know(who, "person", known...)
	st.know(firm, "company")
	st.relate(who, "works_at", firm)
	agrees := st.r.IntN(3) > 0
	if agrees {
		delete(st.goal, entityPrefix+who)
		for k := range st.goal {
			if from, _, to := cutRelation(k); from == who || to == who {
				delete(st.goal, k)
			}
		}
	}
	st.fact(known[0])
	st.start()
	v := vars{"who": who}
	st.user(v, "[please|] forget {who}.", "delete everything about {who}[, please|].", "{who} should no longer be in your memory.")
	g := st.graph(st.call("open_nodes", args{"names", []string{who}}))
	st.fit(len(g.Entities) == 1, "the person is not found")
	v["facts"] = list(g.Entities[0].Observations)
	st.assistant(v, "the memory says that {who} {facts}[, and holds a relation|]. [This cannot be undone.|Deleting is final.] [Shall I go ahead?|Do you want me to delete it?]", "before I delete {who}: it is known that {who} {facts}. [Are you sure?|Do you confirm?]")
	if !agrees {
		st.user(v, "[oh, that is worth keeping|hm, on second thought no]. Leave it.", "no, [keep it|do not delete it] then.", "[better not|no]. Keep everything.")
		st.assistant(v, "[all right|fine], nothing was deleted.", "I left {who} in the memory.", "okay, {who} stays.")
		return
	}
	st.user(v, "yes, [go ahead|please|delete it].", "[I am sure|yes, I confirm].", "yes[, do it|].")
	st.call("delete_entities", args{"entityNames", []string{who}})
	st.assistant(v, "{who} is deleted, [with all relations|relations included].", "done, the memory knows nothing about {who} any more.", "[gone|deleted]: {who}.")
}

func unknown(st *stage) {
	who, skill, kind := draw(st.r, people), draw(st.r, skills), draw(st.r, []string{"neighbour", "client", "colleague", "supplier", "teacher"})
	st.strangers(who)
	st.goal.entity(who, kind, skill)
	st.fact("not")
	st.start()
	v := vars{"who": who, "skill": skill, "kind": kind}
	st.user(v, "add to {who} that this one {skill}.", "please note for {who}: {skill}.", "{who} {skill}, put that with the rest.")
	g := st.graph(st.call("search_nodes", args{"query", who}))
	st.fit(len(g.Entities) == 0, "%s is known already", who)
	st.assistant(v, "{who} is not in the memory yet. [Shall I add them, and as what?|Who is that? I can add them.]", "I do not know any {who}. [What type of person is it?|Shall I create an entry, and of which type?]")
	st.user(v, "yes, [it is|that is] a {kind}.", "[right, that is new|oh]. A {kind}, please [add|create] them.", "{kind}.")
	st.call("create_entities", args{"entities", []args{{"name", who, "entityType", kind, "observations", []string{skill}}}})
	st.assistant(v, "{who} is now in the memory as a {kind} who {skill}.", "added: {who}, {kind}, {skill}.", "[done|saved]. {who}, a {kind}, {skill}.")
}

func correct(st *stage) {
	who := draw(st.r, people)
	towns := several(st.r, cities, 2)
	was, is := "lives in "+towns[0], "lives in "+towns[1]
	extra := draw(st.r, skills)
	st.strangers(who)
	st.know(who, "person", was, extra)
	st.goal.entity(who, "person", extra, is)
	st.fact(towns[0])
	st.fact(towns[1])
	st.start()
	v := vars{"who": who, "new": is, "town": towns[1]}
	st.user(v, "{who} has moved and {new} now. [Please correct that.|Update it, and tell me the old town.]", "[your memory of|what you have on] {who} is out of date: {who} {new}. [Correct it.|Please fix that.]", "{who} {new} these days. [Replace the old town, which one was it?|Change it, please.]")
	g := st.graph(st.call("open_nodes", args{"names", []string{who}}))
	st.fit(len(g.Entities) == 1, "the person is not found")
	old := ""
	for _, o := range g.Entities[0].Observations {
		if strings.HasPrefix(o, "lives in ") {
			old = o
		}
	}
	st.fit(old != "", "there is no town")
	st.all("", ask{"delete_observations", args{"deletions", []args{{"entityName", who, "observations", []string{old}}}}}, ask{"add_observations", args{"observations", []args{{"entityName", who, "contents", []string{is}}}}})
	v["old"] = strings.TrimPrefix(old, "lives in ")
	st.assistant(v, "corrected: {who} {new}; before it was {old}.", "I replaced {old} by {town}.", "{who} moved from {old} to {town} in the memory, too.")
}

func colleagues(st *stage) {
	firm := draw(st.r, firms)
	team := several(st.r, people, 2+st.r.IntN(3))
	st.strangers(team...)
	st.know(firm, "company")
	for _, p := range team {
		st.know(p, "person")
		st.relate(p, "works_at", firm)
		st.fact(p)
	}
	st.start()
	v := vars{"firm": firm}
	st.user(v, "who works at {firm}?", "[list|name] everybody [at|of] {firm} that you know.", "which of my contacts are [employed|working] at {firm}?")
	g := st.graph(st.call("open_nodes", args{"names", []string{firm}}))
	var names []string
	for _, r := range g.Relations {
		if r.To == firm && r.RelationType == "works_at" {
			names = append(names, r.From)
		}
	}
	st.fit(len(names) > 0, "nobody works at %s", firm)
	v["names"] = list(names)
	st.assistant(v, "{names} work at {firm}.", "at {firm} [there are|I know] {names}.", "the memory names {names}.")
}
