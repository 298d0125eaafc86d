package tool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

func workshop(t testing.TB, seed uint64) *tool.Set {
	t.Helper()
	ds, err := domain.LoadFS(os.DirFS("../domain/testdata/domains"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := world.NewModel(ds[0])
	if err != nil {
		t.Fatal(err)
	}
	s, err := tool.Evolve(m, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func all(t testing.TB) []*tool.Set {
	t.Helper()
	ds, err := domain.Load()
	if len(ds) == 0 {
		t.Fatal(err)
	}
	sets, err := tool.EvolveAll(context.Background(), ds, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

func dump(sets []*tool.Set) string {
	var b strings.Builder
	for _, s := range sets {
		for _, x := range s.Tools {
			fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n", x.Name, x.Description, x.Parameters, x.Source)
		}
	}
	return b.String()
}

func TestEvolveIsDeterministic(t *testing.T) {
	ds, _ := domain.Load()
	ds = ds[:min(len(ds), 8)]
	a, err := tool.EvolveAll(context.Background(), ds, 3)
	if err != nil {
		t.Fatal(err)
	}
	old := runtime.GOMAXPROCS(1)
	b, err := tool.EvolveAll(context.Background(), ds, 3)
	runtime.GOMAXPROCS(old)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(dump(a), "\n"), strings.Split(dump(b), "\n")); d != "" {
		t.Error(d)
	}
	c, err := tool.EvolveAll(context.Background(), ds, 4)
	if err != nil {
		t.Fatal(err)
	}
	if dump(a) == dump(c) {
		t.Error("another seed gives the same product")
	}
}

var nameRE = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$`)

// TestRepository checks size and form of the whole repository.
func TestRepository(t *testing.T) {
	sets := all(t)
	total := 0
	kinds, cases, categories := map[tool.Kind]int{}, map[string]int{}, map[string]bool{}
	for _, s := range sets {
		total += len(s.Tools)
		cases[s.Style.Case]++
		categories[s.Domain.Category] = true
		names := map[string]bool{}
		for _, x := range s.Tools {
			kinds[x.Kind]++
			if names[x.Name] || s.Tool(x.Name) != x {
				t.Errorf("%s: the name %s is there twice", s.Domain.Name, x.Name)
			}
			names[x.Name] = true
			if !nameRE.MatchString(x.Name) {
				t.Errorf("%s: %q cannot be called", s.Domain.Name, x.Name)
			}
			if len(x.Description) < 10 || len(x.Description) > 700 {
				t.Errorf("%s: %s: the description has %d characters: %s", s.Domain.Name, x.Name, len(x.Description), x.Description)
			}
			for _, text := range []string{x.Name + " " + x.Description + " " + string(x.Parameters), x.Source} {
				m := placeholder.FindString(text)
				if m == "" && text != x.Source {
					m = slip.FindString(text)
				}
				if m != "" {
					t.Errorf("%s: %s: a placeholder was not filled: %s in %s", s.Domain.Name, x.Name, m, text)
				}
			}
			if !json.Valid(x.Parameters) {
				t.Errorf("%s: %s: the schema is not JSON: %s", s.Domain.Name, x.Name, x.Parameters)
			}
			if x.Writes != (len(x.Touches(nil, nil)) > 0) && x.Kind != "action" && x.Touches(nil, nil) != nil {
				t.Errorf("%s: %s: reads touch nothing", s.Domain.Name, x.Name)
			}
		}
	}
	t.Logf("%d tools over %d domains in %d categories; kinds %v; styles %v", total, len(sets), len(categories), kinds, cases)
	if len(sets) >= 100 && total < 20_000 {
		t.Errorf("%d tools over %d domains, want 20,000", total, len(sets))
	}
	if total < 150*len(sets) {
		t.Errorf("%d tools over %d domains are too few", total, len(sets))
	}
}

var placeholder = regexp.MustCompile(`<(e|es|f|fa|a|an|A|F|s|v|u|p|t|l|i|o|os|ao|x|q|d|n|fn|r)>`)

// slip finds marks that two parts of a text leave where they meet.
var slip = regexp.MustCompile(`[a-z]  +[a-z]|\. \.|: "[,}]|, ,|\.\.`)

// TestNearDuplicates holds the repository to less than one percent at a Jaccard similarity of 0.8.
func TestNearDuplicates(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine over all tools takes long")
	}
	var tools []*tool.Tool
	for _, s := range all(t) {
		tools = append(tools, s.Tools...)
	}
	for _, th := range []float64{0.8, 0.7} {
		r := tool.NearDuplicates(tools, th)
		across := 0
		for _, p := range r.Pairs {
			if p.A.Domain != p.B.Domain {
				across++
			}
		}
		t.Logf("%s; %d of the %d nearest pairs lie in different domains", r, across, len(r.Pairs))
		if th == 0.8 && r.Rate() >= 0.01 {
			t.Errorf("near-duplicates: %s", r)
		}
	}
}

func TestSimilarityOfKnownTexts(t *testing.T) {
	mk := func(name, text string) *tool.Tool { return &tool.Tool{Name: name, Description: text} }
	long := "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
	list := []*tool.Tool{mk("alpha", long), mk("alpha", long), mk("alpha", long+" seventeen"), mk("beta", "quite another text about something else entirely, with its own words")}
	r := tool.NearDuplicates(list, 0.9)
	if r.Groups != 1 || r.Removable != 2 || len(r.Pairs) != 3 || r.Pairs[0].Jaccard != 1 || r.Pairs[1].Jaccard != 15.0/16 {
		t.Errorf("%+v", r)
	}
}

// TestSelfTests runs every tool of every domain on sampled worlds and arguments.
func TestSelfTests(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine over all tools takes long")
	}
	calls, good, never, tools := 0, 0, 0, 0
	for _, s := range append(all(t), workshop(t, 0), workshop(t, 1), workshop(t, 2)) {
		seeds, each := []uint64{1}, 2
		if s.Domain.Name == "bike_workshop" {
			seeds, each = []uint64{1, 2, 3}, 6
		}
		tally, err := tool.SelfTest(context.Background(), s, seeds, each)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range tally.Failures {
			if i < 3 {
				t.Errorf("%s: %s", s.Domain.Name, f)
			}
		}
		calls, good, never, tools = calls+tally.Calls, good+tally.Succeeded, never+len(tally.Never), tools+len(s.Tools)
	}
	t.Logf("%d calls of %d tools, %.1f %% succeeded, %d tools never", calls, tools, 100*float64(good)/float64(calls), never)
	if good < calls*9/10 {
		t.Errorf("only %d of %d sampled calls succeeded", good, calls)
	}
}

// TestTouches compares what a tool says that it will touch with what changes.
func TestTouches(t *testing.T) {
	for seed := range uint64(6) {
		s := workshop(t, seed)
		for _, x := range s.Tools {
			if !x.Writes || x.Kind == "action" {
				continue
			}
			for n := range uint64(3) {
				w, err := s.Model.World(n)
				if err != nil {
					t.Fatal(err)
				}
				args, ok := x.Sample(w, rng.New(n, x.Name))
				if !ok {
					continue
				}
				touched := map[string]bool{}
				for _, touch := range x.Touches(w, args) {
					touched[touch.ID] = true
				}
				after := w.Clone()
				if _, err := x.CallValues(after, args); err != nil {
					continue
				}
				for _, c := range world.Diff(w, after) {
					if c.Kind == "created" && touched[""] {
						continue
					}
					if !touched[c.ID] {
						t.Errorf("%s with %s changed %s %s, which it did not tell", x.Name, x.Encode(args), c.Entity, c.ID)
					}
				}
			}
		}
	}
}

func TestViolationsAndEnforcement(t *testing.T) {
	s := workshop(t, 0)
	w, err := s.Model.World(5)
	if err != nil {
		t.Fatal(err)
	}
	find := func(op string) *tool.Tool {
		for _, x := range s.Using(op) {
			if x.Kind == "transition" || x.Kind == "create" || x.Kind == "edit" {
				return x
			}
		}
		t.Fatalf("no tool performs %s", op)
		return nil
	}
	drop, start := find("job.drop"), find("job.start")
	if !drop.Consent || start.Consent || !slices.Equal(start.Needs, []string{"noted", "estimated"}) {
		t.Error("consent or needs are lost")
	}
	for _, j := range w.Records("job") {
		args := map[string]any{drop.ByRole(tool.RoleID).Name: j.ID, drop.ByRole(tool.RoleReason).Name: "bicycle sold"}
		rules, err := drop.Violations(w, args)
		if err != nil {
			t.Fatal(err)
		}
		if want := j.Get("estimate").(float64) > 500; (len(rules) == 1) != want {
			t.Errorf("dropping %s at %v breaks %d rules", j.ID, j.Get("estimate"), len(rules))
		}
		c := w.Clone()
		_, err = drop.CallValues(c, args)
		if allowed := slices.Contains(drop.Needs, j.Text("status")); (err == nil) != allowed {
			t.Errorf("dropping a job that is %s: %v", j.Text("status"), err)
		}
		_, err = start.CallValues(w.Clone(), map[string]any{start.ByRole(tool.RoleID).Name: j.ID})
		if j.Get("mechanic") == nil && slices.Contains(start.Needs, j.Text("status")) && world.CodeOf(err) != world.Forbidden {
			t.Errorf("an enforced rule: %v", err)
		}
	}
	create := find("job.create")
	args, ok := create.Sample(w, rng.New(1, "create"))
	if !ok {
		t.Fatal("no arguments for a new job")
	}
	for _, p := range create.Params {
		if p.Field == "estimate" {
			create.Put(args, &p, 850.0)
			if create.At(args, &p) != 850.0 {
				t.Error("At does not give what Put set")
			}
		}
		if p.Field == "spent" {
			create.Put(args, &p, 1.0)
		}
	}
	if rules, err := create.Violations(w, args); err != nil || len(rules) != 1 {
		t.Errorf("an expensive new job breaks %d rules, %v", len(rules), err)
	}
}

// TestToolsAreShared calls the same tools from several goroutines, first calls included.
func TestToolsAreShared(t *testing.T) {
	s := workshop(t, 1)
	w, err := s.Model.World(1)
	if err != nil {
		t.Fatal(err)
	}
	results := make([]string, 4)
	var wg sync.WaitGroup
	for g := range results {
		wg.Go(func() {
			var b strings.Builder
			for i, x := range s.Tools {
				args, ok := x.Sample(w, rng.New(1, "shared", uint64(i)))
				if !ok {
					continue
				}
				raw := x.Encode(args)
				c := w.Clone()
				res, err := x.Call(c, raw)
				fmt.Fprintln(&b, x.Name, x.Validate(raw), string(res.JSON()), err, c.Hash())
			}
			results[g] = b.String()
		})
	}
	wg.Wait()
	for _, r := range results[1:] {
		if d := cmp.Diff(strings.Split(results[0], "\n"), strings.Split(r, "\n")); d != "" {
			t.Fatal(d)
		}
	}
}

// TestStyles checks that names follow the style of the product and results its spelling.
func TestStyles(t *testing.T) {
	form := map[string]*regexp.Regexp{
		"snake": regexp.MustCompile(`^[a-z0-9_]+$`), "object_first": regexp.MustCompile(`^[a-z0-9_]+$`), "prefixed": regexp.MustCompile(`^spokewright_[a-z0-9_]+$`),
		"camel": regexp.MustCompile(`^[a-z][a-zA-Z0-9]+$`), "kebab": regexp.MustCompile(`^[a-z0-9-]+$`), "dotted": regexp.MustCompile(`^([a-z0-9_]+\.)?[a-z0-9_]+$`),
	}
	seen := map[string]bool{}
	for seed := range uint64(60) {
		s := workshop(t, seed)
		if seen[s.Style.Case] {
			continue
		}
		seen[s.Style.Case] = true
		for _, x := range s.Tools {
			if !form[s.Style.Case].MatchString(x.Name) {
				t.Errorf("%s is not written in %s", x.Name, s.Style.Case)
			}
		}
		if s.Style.Case != "camel" {
			continue
		}
		w, _ := s.Model.World(1)
		for _, x := range s.Tools {
			if x.Kind == "get" && x.Entity == "bicycle" {
				res, err := x.CallValues(w, map[string]any{x.Params[0].Name: w.Records("bicycle")[0].ID})
				if err != nil || !strings.Contains(string(res.JSON()), `"frameNumber"`) || x.Key("frame_number") != "frameNumber" {
					t.Errorf("%s: %s %v", x.Name, res.JSON(), err)
				}
			}
			if x.Operation == "customer.set_contact" && x.Kind == "edit" {
				args := map[string]any{x.Params[0].Name: w.Records("customer")[0].ID, x.Params[1].Name: map[string]any{"channel": "call", "quietAfter": "20:00"}}
				if ps := x.Validate(x.Encode(args)); ps != nil {
					t.Error(ps)
				}
				if _, err := x.CallValues(w.Clone(), args); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if len(seen) != len(form) {
		t.Errorf("60 seeds gave only the styles %v", seen)
	}
}
