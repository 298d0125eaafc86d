package domain

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

func sample(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/domains/bike_workshop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSampleIsSound(t *testing.T) {
	d, problems := Parse("bike_workshop.yaml", []byte(sample(t)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	used := map[Type]bool{}
	for _, e := range d.Entities {
		for _, f := range e.Fields {
			used[f.Type] = true
		}
	}
	for _, typ := range Types {
		if !used[typ] {
			t.Errorf("the sample has no field of type %s", typ)
		}
	}
	job := d.Entity("job")
	if job.Transition("drop") == nil || job.Edit("assign") != job.Field("mechanic") || d.Action("workload") == nil {
		t.Error("look-ups by name fail")
	}
	if d.EntityOfID("JOB-12345") != job || d.EntityOfID("JOB-1234") != nil || d.EntityOfID("JOB-1234x") != nil {
		t.Error("ids are not told apart by their pattern")
	}
	var refs []string
	for _, r := range d.Referrers("mechanic") {
		refs = append(refs, r.Entity.Name+"."+r.Field.Name)
	}
	if got := strings.Join(refs, " "); got != "job.mechanic job.helpers" {
		t.Errorf("referrers of mechanic: %s", got)
	}
	if !d.Rules[1].Enforced || d.Rules[0].Enforced {
		t.Error("enforced is not read")
	}
}

// TestProblems changes one place of a sound file and looks for the complaint.
func TestProblems(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"about: Repair jobs", "abuot: Repair jobs", `unknown key "abuot"; did you mean about?`},
		{"label: name", "lable: name", `customer: unknown key "lable"; did you mean label?`},
		{"category: commerce", "category: comerce", `unknown category "comerce"; did you mean commerce?`},
		{"domain: bike_workshop", "domain: BikeWorkshop", "snake_case"},
		{"id: MEC-{2d}", "id: MEC", "no place to fill"},
		{"id: MEC-{2d}", "id: JOB-{2d}", `job.id: the prefix "JOB-" is already that of mechanic`},
		{"id: MEC-{2d}", "id: \"{4d}\"", "must begin with letters"},
		{"id: MEC-{2d}", "id: MEC-{1d}", "room for 10 ids"},
		{"records: 12", "records: 20", "job.records: there are 20; the format wants 4 to 14"},
		{"label: frame_number", "label: frame_nummer", `did you mean frame_number?`},
		{"label: frame_number", "label: owner", "a ref does not name a record"},
		{"type: code, pattern: \"WB{6x}\"", "type: code", "bicycle.frame_number.pattern"},
		{"to: customer, about: Customer it", "to: costumer, about: Customer it", `bicycle.owner.to: there is no entity "costumer"; did you mean customer?`},
		{"type: percent, min: 10, max: 100", "type: percent, min: 10", "a percent needs min and max"},
		{"min: 7.5, max: 29", "min: 29, max: 7.5", "exchange them"},
		{"min: 1, max: 27", "min: 1.5, max: 27", "must be whole numbers"},
		{"type: date, from: -5, until: 20", "type: date, from: 20, until: -5", "lies after until"},
		{"type: datetime, from: -20, until: -6", "type: datetime", "needs from and until"},
		{"type: bool, about: Whether", "type: bol, about: Whether", `unknown type "bol"; did you mean bool?`},
		{"type: bool, about: Whether", "type: bool, unit: x, min: 1, about: Whether", "min or max has no meaning for a bool"},
		{"state: status", "state: stat", `must be an enum field`},
		{"initial: noted", "initial: notd", `job.initial: "notd" is no value of status; did you mean noted?`},
		{"from: [in_work], to: done", "from: [in_wrk], to: done", `job.finish: "in_wrk" is no value of status; did you mean in_work?`},
		{"from: [in_work], to: done", "from: [done], to: done", "changes nothing"},
		{"verb: finish", "verb: start", "the verb start is used twice"},
		{"verb: finish", "verb: update", "has a fixed meaning"},
		{"reasons: [too expensive, bicycle sold]", "reasons: [too expensive]", "write at least 2"},
		{`"spent <= estimate"`, `"spend <= estimate"`, "uses spend, which is no field of job; did you mean spent?"},
		{`"spent <= estimate"`, `"spent <= "`, "does not compile at 1:"},
		{`"spent <= estimate"`, `"get('job', id)['spent'] <= estimate"`, "may only call today"},
		{"forbid: job.drop", "forbid: job.dorp", `job has no transition or edit "dorp"; did you mean drop?`},
		{"forbid: job.drop", "forbid: jobb.drop", `there is no entity "jobb"; did you mean job?`},
		{`when: "estimate > 500"`, `when: "estimat > 500"`, "did you mean estimate?"},
		{`get("job", job)`, `get("jobs", job)`, `bike_workshop.yaml:90: actions.book_part.program: get("jobs"): there is no such entity; did you mean job?`},
		{`{"spent": round`, `{"spend": round`, `update("job"): there is no field "spend"; did you mean spent?`},
		{`find("job", mechanic=`, `find("job", mechanics=`, `there is no field "mechanics"; did you mean mechanic?`},
		{`fail("invalid_state"`, `fail("invald_state"`, `fail("invald_state"): unknown code; did you mean invalid_state?`},
		{"    writes: true\n    params:\n      - {param: job", "    params:\n      - {param: job", "add writes: true"},
		{"  - action: workload\n", "  - action: workload\n    writes: true\n", "changes nothing: remove writes: true"},
		{"      out = []\n", "      while True:\n          pass\n      out = []\n", "column 1: "},
		{"      out = []\n", "      out = [\n", "does not compile: column"},
		{"  - action: workload", "  - action: book_part", "two actions of this name"},
		{"say: Large jobs are dropped by the workshop owner only.", "say: TODO write the rule here", `"TODO" is a placeholder`},
		{"about: Length of the lunch break", "about: lorem ipsum", "is a placeholder"},
		{"samples: [rear brake squeals, chain jumps under load, front wheel out of true], ", "", "write at least 3"},
		{"rear brake squeals, chain", "chain jumps under load, chain", "is there twice"},
		{"service: Spokewright\n", "", "the key service is missing"},
		{"service: Spokewright\n", "service: Spokewright\nservice: Other\n", "written twice"},
		{"records: 12", "records: twelve", "must be a number"},
		{"enforced: true", "enforced: maybe", "must be true or false"},
		{"{field: quiet_after, type: time,", "{field: quiet_after, type: ref, to: job,", "an object holds plain values"},
		{"  - {forbid: bicycle.pass_on", "  - &a {forbid: bicycle.pass_on", ""},
		{"rules:\n", "rules:\n  - [", "fix the YAML"},
		{"edit: assign", "edit: start", "the verb start is used twice"},
	} {
		src := sample(t)
		if !strings.Contains(src, c.old) {
			t.Errorf("the sample does not contain %q", c.old)
			continue
		}
		_, problems := Parse("bike_workshop.yaml", []byte(strings.Replace(src, c.old, c.new, 1)))
		if c.want == "" {
			if len(problems) > 0 {
				t.Errorf("%q: %v", c.new, problems)
			}
			continue
		}
		if len(problems) == 0 {
			t.Errorf("%q instead of %q was accepted", c.new, c.old)
			continue
		}
		if !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%q: want %q in\n%v", c.new, c.want, problems)
		}
		for _, p := range problems {
			if p.Line == 0 || p.File != "bike_workshop.yaml" {
				t.Errorf("%q: the problem has no place: %s", c.new, p)
			}
		}
	}
}

func TestLoadFS(t *testing.T) {
	good := sample(t)
	fsys := fstest.MapFS{
		"bike_workshop.yaml": {Data: []byte(good)},
		"other.yaml":         {Data: []byte(strings.Replace(good, "domain: bike_workshop", "domain: other", 1))},
		"misnamed.yaml":      {Data: []byte(good)},
		"notes.txt":          {Data: []byte("not a domain")},
	}
	ds, err := LoadFS(fsys)
	if len(ds) != 2 {
		t.Errorf("%d domains, want the 2 sound ones", len(ds))
	}
	for _, want := range []string{"misnamed.yaml:1: domain: the name \"bike_workshop\" must equal that of the file", "Spokewright is already the product in bike_workshop.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if _, err := LoadFS(fstest.MapFS{"a.yaml": {Data: make([]byte, maxFile+1)}}); err == nil || !strings.Contains(err.Error(), "split the domain") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestCategories(t *testing.T) {
	cs := Categories()
	if len(cs) != 20 {
		t.Errorf("%d categories, want 20", len(cs))
	}
	for _, c := range cs {
		if c.Key == "" || c.Title == "" || c.About == "" {
			t.Errorf("%+v has an empty part", c)
		}
	}
}

func TestPattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[A-Z]{1,3}-(\{[1-8][dax]\}-?){1,3}`).Draw(t, "pattern")
		p, err := parsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		text := p.fill(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "digit") })
		if !p.matches(text) {
			t.Fatalf("%s does not match %s", text, s)
		}
		if p.matches(text+"0") || p.matches(text[1:]) {
			t.Fatalf("%s matches too much", s)
		}
	})
	for _, s := range []string{"A{0d}", "A{40d}", "A{4q}", "A{", "ABC", ""} {
		if _, err := parsePattern(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample(f)))
	f.Add([]byte("domain: x\nentities: [{entity: a, fields: [{field: b, type: object, fields: [1]}]}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("actions: [{action: a, program: \"return (\"}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, problems := Parse("fuzz.yaml", data)
		if d == nil && len(problems) == 0 {
			t.Error("neither a domain nor a problem")
		}
		for _, p := range problems {
			if p.Message == "" || p.File != "fuzz.yaml" {
				t.Errorf("an empty problem: %+v", p)
			}
		}
	})
}
