package world_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

func workshop(t testing.TB) *world.Model {
	t.Helper()
	ds, err := domain.LoadFS(os.DirFS("../domain/testdata/domains"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := world.NewModel(ds[0])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fresh(t testing.TB, seed uint64) *world.World {
	t.Helper()
	w, err := workshop(t).World(seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWorldIsAFunctionOfItsSeed(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(20) {
		a, b := fresh(t, seed), fresh(t, seed)
		if a.Hash() != b.Hash() || a.Today() != b.Today() {
			t.Fatalf("world %d differs from itself", seed)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Fatalf("world %d has two JSON forms", seed)
		}
		if seen[a.Hash()] {
			t.Errorf("world %d equals an earlier one", seed)
		}
		seen[a.Hash()] = true
		if err := a.Check(); err != nil {
			t.Error(err)
		}
		for _, e := range a.Model().Domain().Entities {
			if n := len(a.Records(e.Name)); n != e.Records {
				t.Errorf("%d %s, want %d", n, e.Plural, e.Records)
			}
			labels := map[string]bool{}
			for _, r := range a.Records(e.Name) {
				if !e.MatchesID(r.ID) {
					t.Errorf("%s is no id of %s", r.ID, e.Name)
				}
				if l := a.Label(e.Name, r.ID); labels[l] {
					t.Errorf("two %s are called %s", e.Plural, l)
				} else {
					labels[l] = true
				}
			}
		}
	}
}

func TestEveryStateOccurs(t *testing.T) {
	states := map[string]bool{}
	for seed := range uint64(4) {
		for _, r := range fresh(t, seed).Records("job") {
			states[r.Text("status")] = true
		}
	}
	if len(states) != 5 {
		t.Errorf("only the states %v occur", states)
	}
}

func TestCloneAndDiff(t *testing.T) {
	w := fresh(t, 1)
	before := w.Hash()
	c := w.Clone()
	j := w.Records("job")[0]
	if err := c.Update("job", j.ID, map[string]any{"complaint": "squeaks", "estimate": 77.777, "spent": 1}); err != nil {
		t.Fatal(err)
	}
	id, err := c.Insert("customer", map[string]any{"name": "Ada Abara", "email": "ada@abara.example", "address": "1 Kiln Lane", "country": "Peru", "prepaid": 5})
	if err != nil {
		t.Fatal(err)
	}
	if w.Hash() != before {
		t.Fatal("a change of the clone shows in the original")
	}
	got := world.Diff(w, c)
	want := []world.Change{
		{Kind: "created", Entity: "customer", ID: id, After: map[string]any{"id": id, "name": "Ada Abara", "email": "ada@abara.example",
			"phone": nil, "employer": nil, "address": "1 Kiln Lane", "country": "Peru", "prepaid": 5.0, "contact": nil}},
		{Kind: "changed", Entity: "job", ID: j.ID, Field: "estimate", Before: j.Get("estimate"), After: 77.78},
		{Kind: "changed", Entity: "job", ID: j.ID, Field: "spent", Before: j.Get("spent"), After: 1.0},
		{Kind: "changed", Entity: "job", ID: j.ID, Field: "complaint", Before: j.Get("complaint"), After: "squeaks"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := c.Remove("customer", id); err != nil {
		t.Fatal(err)
	}
	if err := c.Update("job", j.ID, j.Map()); err != nil {
		t.Fatal(err)
	}
	if c.Hash() != before || len(world.Diff(w, c)) != 0 {
		t.Error("undoing all changes does not lead back")
	}
}

func TestOrderOfCreationsDoesNotMatter(t *testing.T) {
	a := map[string]any{"name": "Ada Abara", "email": "a@x.example", "address": "1 Kiln Lane", "country": "Peru", "prepaid": 5}
	b := map[string]any{"name": "Bo Borgen", "email": "b@x.example", "address": "2 Kiln Lane", "country": "Peru", "prepaid": 5}
	x, y := fresh(t, 2), fresh(t, 2)
	for _, v := range []map[string]any{a, b} {
		if _, err := x.Insert("customer", v); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []map[string]any{b, a} {
		if _, err := y.Insert("customer", v); err != nil {
			t.Fatal(err)
		}
	}
	if x.Hash() != y.Hash() {
		t.Error("the hash depends on the order")
	}
	if _, err := x.Insert("customer", a); err != nil { // the same content again is another record
		t.Error(err)
	}
}

func TestRefusedWrites(t *testing.T) {
	w := fresh(t, 3)
	before := w.Hash()
	job := w.Records("job")[0]
	for _, c := range []struct {
		values map[string]any
		code   world.Code
	}{
		{map[string]any{"estimate": -5.0}, world.InvalidArgument}, // spent <= estimate
		{map[string]any{"bicycle": "BIC-XX00"}, world.NotFound},
		{map[string]any{"helpers": []any{"MEC-00x"}}, world.NotFound},
		{map[string]any{"bicycle": nil}, world.InvalidArgument},
		{map[string]any{"status": "lost"}, world.InvalidArgument},
		{map[string]any{"due": "tomorrow"}, world.InvalidArgument},
		{map[string]any{"due": 5}, world.InvalidArgument},
		{map[string]any{"brought": "2026-13-01T10:00"}, world.InvalidArgument},
		{map[string]any{"complaint": strings.Repeat("x", 5000)}, world.InvalidArgument},
		{map[string]any{"colour": "red"}, world.InvalidArgument},
		{map[string]any{"id": "JOB-00000"}, world.InvalidArgument},
	} {
		err := w.Update("job", job.ID, c.values)
		if world.CodeOf(err) != c.code {
			t.Errorf("%v: got %v, want %s", c.values, err, c.code)
		}
	}
	if err := w.Remove("bicycle", job.Text("bicycle")); world.CodeOf(err) != world.Conflict {
		t.Errorf("removing what is used: %v", err)
	}
	if _, err := w.Insert("planet", nil); world.CodeOf(err) != world.InvalidArgument {
		t.Errorf("inserting an unknown entity: %v", err)
	}
	if w.Hash() != before {
		t.Error("refused writes changed the world")
	}
}

func TestJSONRoundTrip(t *testing.T) {
	m := workshop(t)
	w := fresh(t, 4)
	data, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	back, err := m.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != w.Hash() || back.Seed() != w.Seed() {
		t.Error("the world changes on its way through JSON")
	}
	for _, bad := range []string{"", "{}", `{"domain":"x"}`, strings.Replace(string(data), `"today":"2`, `"today":"x`, 1),
		strings.Replace(string(data), `"gears":`, `"gears":"many","x":`, 1), strings.Replace(string(data), `"owner":"CUS`, `"owner":"CUX`, 1)} {
		if _, err := m.Parse([]byte(bad)); err == nil {
			t.Errorf("accepted %.60s", bad)
		}
	}
}

func TestRules(t *testing.T) {
	m, w := workshop(t), fresh(t, 5)
	for _, r := range w.Records("job") {
		rules, err := m.Violations(w, "job.drop", r)
		if err != nil {
			t.Fatal(err)
		}
		if want := r.Get("estimate").(float64) > 500; (len(rules) == 1) != want {
			t.Errorf("%s with estimate %v: %d rules", r.ID, r.Get("estimate"), len(rules))
		}
	}
	d, err := m.Draft(w, "job", map[string]any{"bicycle": w.Records("bicycle")[0].ID, "due": "2030-01-01", "brought": "2025-01-01T08:00:00Z", "estimate": 850, "spent": 0, "complaint": "all"})
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != "" || d.Text("status") != "noted" {
		t.Errorf("the draft has id %q and status %q", d.ID, d.Text("status"))
	}
	if rules, err := m.Violations(w, "job.create", d); err != nil || len(rules) != 1 {
		t.Errorf("creating an expensive job: %v %v", rules, err)
	}
}

// TestRandomWrites compares the world with a plain map under random writes.
func TestRandomWrites(t *testing.T) {
	w := fresh(t, 6)
	r := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	for _, c := range w.Records("customer") {
		model[c.ID] = c.Text("name")
	}
	names := []string{"A B", "C D", "E F"}
	for range 400 {
		ids := w.Records("customer")
		switch r.IntN(3) {
		case 0:
			id, err := w.Insert("customer", map[string]any{"name": names[r.IntN(3)], "email": "a@x.example", "address": "1 Kiln Lane", "country": "Peru", "prepaid": r.IntN(9)})
			if err != nil {
				t.Fatal(err)
			}
			model[id] = w.Label("customer", id)
		case 1:
			id := ids[r.IntN(len(ids))].ID
			name := names[r.IntN(3)]
			if err := w.Update("customer", id, map[string]any{"name": name}); err != nil {
				t.Fatal(err)
			}
			model[id] = name
		default:
			id := ids[r.IntN(len(ids))].ID
			if err := w.Remove("customer", id); err == nil {
				delete(model, id)
			} else if world.CodeOf(err) != world.Conflict {
				t.Fatal(err)
			}
		}
	}
	got := map[string]string{}
	for _, c := range w.Records("customer") {
		got[c.ID] = c.Text("name")
	}
	if d := cmp.Diff(model, got); d != "" {
		t.Error(d)
	}
	data, _ := json.Marshal(w)
	back, err := w.Model().Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != w.Hash() {
		t.Error("the running hash is not that of the records")
	}
}

func TestConcurrentClones(t *testing.T) {
	w := fresh(t, 7)
	want := w.Hash()
	p := compile(t, "update(\"job\", job, {\"complaint\": text})\nreturn query(\"job\", sort=\"due\")", true, "job", "text")
	id := w.Records("job")[0].ID
	var wg sync.WaitGroup
	hashes := make([]string, 8)
	for i := range hashes {
		wg.Go(func() {
			c := w.Clone()
			for range 20 {
				if _, err := p.Call(c, map[string]any{"job": id, "text": "new"}); err != nil {
					t.Error(err)
				}
			}
			hashes[i] = c.Hash()
		})
	}
	wg.Wait()
	if w.Hash() != want {
		t.Error("the original changed")
	}
	for _, h := range hashes {
		if h != hashes[0] {
			t.Error("the same calls lead to different worlds")
		}
	}
}
