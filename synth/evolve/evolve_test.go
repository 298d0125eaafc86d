package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/synth/domain"
	"muonclip/synth/teacher"
)

// raw reads an embedded domain as a model would have written it.
func raw(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "domain", "files", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var loaded = sync.OnceValues(domain.Load)

// some are the existing domains of a test: few, so that comparing with them is fast.
func some(t testing.TB, names ...string) []*domain.Domain {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	var out []*domain.Domain
	for _, d := range all {
		if slices.Contains(names, d.Name) {
			out = append(out, d)
		}
	}
	if len(out) != len(names) {
		t.Fatalf("%d of the domains %v", len(out), names)
	}
	return out
}

// author answers the proposal with names and each file by a list of answers, the last of which repeats.
type author struct {
	mu      sync.Mutex
	names   []string
	files   map[string][]string
	written map[string]int
	asked   []teacher.Request
}

func (a *author) Chat(_ context.Context, r teacher.Request) (teacher.Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r)
	reply := func(s string) (teacher.Reply, error) {
		return teacher.Reply{Message: chat.Message{Role: chat.RoleAssistant, Content: s}, Finish: "stop"}, nil
	}
	if r.JSON {
		var ideas []Idea
		for _, n := range a.names {
			ideas = append(ideas, Idea{Domain: n, Category: "travel", Title: "t", About: "a"})
		}
		data, err := json.Marshal(map[string]any{"domains": ideas})
		if err != nil {
			return teacher.Reply{}, err
		}
		return reply(string(data))
	}
	for name, list := range a.files {
		if strings.Contains(r.Messages[1].Content, "\ndomain: "+name+"\ncategory") {
			if a.written == nil {
				a.written = map[string]int{}
			}
			n := a.written[name]
			a.written[name]++
			if list[min(n, len(list)-1)] == "down" {
				return teacher.Reply{}, errDown
			}
			return reply(list[min(n, len(list)-1)])
		}
	}
	return teacher.Reply{}, &teacher.ContentError{Kind: "empty", Detail: "nothing"}
}

var errDown = errors.New("endpoint is down")

// quick is a bar that is low enough for a test.
var quick = Bar{Worlds: 3, Calls: 2, Proved: 6, Kinds: 3, Time: 5 * time.Minute}

func run(t *testing.T, a *author, c Config) (*Report, string) {
	t.Helper()
	c.Teacher, c.Dir = a, t.TempDir()
	if c.Existing == nil {
		c.Existing = some(t, "beekeeping", "hotel_reservations")
	}
	if c.Bar == (Bar{}) {
		c.Bar = quick
	}
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var stored Report
	data, err := os.ReadFile(filepath.Join(c.Dir, ReportName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	if stored.Accepted != r.Accepted || len(stored.Candidates) != len(r.Candidates) {
		t.Errorf("the stored report differs: %s", data)
	}
	return r, c.Dir
}

// TestAccepted takes good files: one plain, one in prose, one after a repair, and refuses an idea that is known.
func TestAccepted(t *testing.T) {
	vineyard := raw(t, "vineyard")
	a := &author{names: []string{"vineyard", "beekeeping", "telescope_time", "Bad Name"}, files: map[string][]string{
		"vineyard":       {strings.Replace(vineyard, "records:", "record:", 1), vineyard},
		"telescope_time": {"Here is the file you wanted:\n\n```yaml\n" + raw(t, "telescope_time") + "```\n\nTell me if it needs changes!"},
	}}
	r, dir := run(t, a, Config{N: 2})
	if r.Accepted != 2 || r.Proposed != 4 || r.Unusable != 2 || len(r.Candidates) != 2 {
		t.Fatalf("%+v", r)
	}
	v := r.Candidates[0]
	if !v.Accepted || len(v.Attempts) != 1 || v.Attempts[0].Stage != StageParse || !strings.Contains(v.Attempts[0].Problems[0], "record") || v.Passed.Proved < 6 || v.Passed.Kinds < 3 || v.Passed.Tools < 80 {
		t.Errorf("%+v", v)
	}
	last := a.asked[2].Messages
	if len(last) != 4 || !strings.Contains(last[3].Content, "does not keep the format") || last[2].Role != chat.RoleAssistant {
		t.Errorf("the repair was asked for with %d messages: %s", len(last), last[len(last)-1].Content)
	}
	ds, err := domain.LoadFS(os.DirFS(dir))
	if err != nil || len(ds) != 2 {
		t.Errorf("%d domains can be loaded, %v", len(ds), err)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "after 1 repairs") {
		t.Errorf("%v: %s", err, b.String())
	}
}

// change replaces the first program of a domain by another.
func change(t testing.TB, name, program string) string {
	t.Helper()
	s := raw(t, name)
	i := strings.Index(s, "    program: |\n")
	if i < 0 {
		t.Fatal("no program")
	}
	i += len("    program: |\n")
	end := i
	for _, l := range strings.SplitAfter(s[i:], "\n") {
		if strings.TrimSpace(l) != "" && !strings.HasPrefix(l, "      ") {
			break
		}
		end += len(l)
	}
	var b strings.Builder
	for _, l := range strings.Split(program, "\n") {
		b.WriteString("      " + l + "\n")
	}
	return s[:i] + b.String() + s[end:]
}

// TestRejected lists bad files with the stage that must stop them.
func TestRejected(t *testing.T) {
	good := raw(t, "vineyard")
	rename := func(s string) string {
		s = strings.Replace(s, "domain: hotel_reservations", "domain: vineyard", 1)
		return strings.Replace(s, "service: ", "service: Other ", 1)
	}
	nouns := strings.NewReplacer("hotel", "motel", "guest", "lodger", "room", "cabin", "reservation", "stay_order", "Hotel", "Motel", "Guest", "Lodger", "Room", "Cabin", "Reservation", "Stay order")
	deep := "domain: " + strings.Repeat("[", 5000)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\ndomain: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
	for name, c := range map[string]struct {
		file  string
		stage Stage
		want  string
	}{
		"nothing":                         {"", StageParse, "empty"},
		"prose":                           {"I would rather not.", StageParse, ""},
		"broken YAML":                     {good + "\n\t- [", StageParse, "fix the YAML"},
		"YAML bomb":                       {bomb, StageParse, ""},
		"deep YAML":                       {deep, StageParse, ""},
		"huge":                            {good + "# " + strings.Repeat("x", 1<<20), StageParse, "bytes, more than"},
		"another name":                    {strings.Replace(good, "domain: vineyard", "domain: winery", 1), StageUnique, `want "vineyard"`},
		"a taken service":                 {strings.Replace(good, "service: ", "service: Harborstay # ", 1), StageUnique, "already the product"},
		"a program that does not compile": {change(t, "vineyard", "return {"), StageParse, "compile"},
		"an unknown name":                 {change(t, "vineyard", "return {\"x\": nowhere}"), StageParse, "nowhere"},
		"an endless loop":                 {change(t, "vineyard", "n = 0\nfor i in range(10000):\n    for j in range(10000):\n        n = n + i * j\nreturn {\"n\": n}"), StageSelfTest, "too much"},
		"a huge list":                     {change(t, "vineyard", "x = [1]\nfor i in range(100):\n    x = x + x\nreturn {\"n\": len(x)}"), StageSelfTest, "too much"},
		"a huge text":                     {change(t, "vineyard", "s = \"ab\"\nfor i in range(60):\n    s = s * 2\nreturn {\"n\": len(s)}"), StageSelfTest, ""},
		"a huge number":                   {change(t, "vineyard", "n = 3\nfor i in range(60):\n    n = n * n\nreturn {\"n\": n}"), StageSelfTest, ""},
		"a copy":                          {rename(raw(t, "hotel_reservations")), StageNear, "are those of hotel_reservations"},
		"a copy with other nouns":         {rename(nouns.Replace(strings.Replace(raw(t, "hotel_reservations"), "domain: hotel_reservations", "domain: vineyard", 1))), StageNear, "are those of hotel_reservations"},
	} {
		a := &author{names: []string{"vineyard"}, files: map[string][]string{"vineyard": {"```yaml\n" + c.file + "\n```"}}}
		r, dir := run(t, a, Config{N: 1, Repairs: -1, Candidates: 1})
		if r.Accepted != 0 || len(r.Candidates) != 1 || len(r.Candidates[0].Attempts) != 1 {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		got := r.Candidates[0].Attempts[0]
		if got.Stage != c.stage || !strings.Contains(strings.Join(got.Problems, "\n"), c.want) || r.Failures[c.stage] != 1 {
			t.Errorf("%s: %+v, want %s with %q", name, got, c.stage, c.want)
		}
		if files, err := filepath.Glob(filepath.Join(dir, "*.yaml")); err != nil || len(files) > 0 {
			t.Errorf("%s: there are files: %v %v", name, files, err)
		}
	}
}

// invariant puts an invariant into the first entity that has some.
func invariant(t testing.TB, name, expr string) string {
	t.Helper()
	s := raw(t, name)
	i := strings.Index(s, "    invariants: [")
	if i < 0 {
		t.Fatal("no invariants")
	}
	i += len("    invariants: [")
	return s[:i] + fmt.Sprintf("%q, ", expr) + s[i:]
}

func TestInvariants(t *testing.T) {
	for name, expr := range map[string]string{
		"never true": "1 > 2",
		"endless":    "len([i for i in range(9999) for j in range(9999)]) > 0",
		"huge":       "len('x' * 1000000000) > 0",
	} {
		a := &author{names: []string{"vineyard"}, files: map[string][]string{"vineyard": {invariant(t, "vineyard", expr)}}}
		r, _ := run(t, a, Config{N: 1, Repairs: -1, Candidates: 1})
		if r.Accepted != 0 || r.Failures[StageWorld]+r.Failures[StageCompile]+r.Failures[StageParse] != 1 {
			t.Errorf("%s: %+v", name, r)
		}
		t.Logf("%s: %+v", name, r.Candidates[0].Attempts)
	}
}

// TestRounds checks what becomes of a candidate that is never repaired, of a model that does not answer, and of an
// endpoint that fails.
func TestRounds(t *testing.T) {
	a := &author{names: []string{"vineyard", "mute", "telescope_time"}, files: map[string][]string{"vineyard": {"domain: vineyard"}, "telescope_time": {raw(t, "telescope_time")}}}
	r, _ := run(t, a, Config{N: 1, Repairs: 2, Candidates: 3})
	if len(r.Candidates) != 3 || len(r.Candidates[0].Attempts) != 3 || len(r.Candidates[1].Attempts) != 1 || !r.Candidates[2].Accepted {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(map[Stage]int{StageParse: 1, StageModel: 1}, r.Failures); diff != "" {
		t.Error(diff)
	}
	a = &author{names: []string{"vineyard", "telescope_time"}, files: map[string][]string{"vineyard": {"domain: vineyard"}, "telescope_time": {"down"}}}
	dir := t.TempDir()
	r, err := Run(t.Context(), Config{Teacher: a, N: 2, Dir: dir, Existing: some(t, "beekeeping"), Repairs: -1, Bar: quick})
	if !errors.Is(err, errDown) || len(r.Candidates) != 1 {
		t.Errorf("%v, %+v", err, r)
	}
	if _, err := os.Stat(filepath.Join(dir, ReportName)); err != nil {
		t.Error(err)
	}
	a = &author{names: []string{"beekeeping"}}
	r, err = Run(t.Context(), Config{Teacher: a, N: 2, Dir: dir, Existing: some(t, "beekeeping"), Bar: quick})
	if err != nil || r.Accepted != 0 || len(a.asked) != 3 {
		t.Errorf("a model without ideas: %v, %+v, %d requests", err, r, len(a.asked))
	}
}

// TestTime bounds a test that would go on.
func TestTime(t *testing.T) {
	a := &author{names: []string{"vineyard"}, files: map[string][]string{"vineyard": {raw(t, "vineyard")}}}
	bar := quick
	bar.Time = time.Nanosecond
	r, _ := run(t, a, Config{N: 1, Repairs: -1, Candidates: 1, Bar: bar})
	if r.Failures[StageTime] != 1 {
		t.Errorf("%+v", r)
	}
}

// TestRender writes every domain and reads it back.
func TestRender(t *testing.T) {
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		again, problems := domain.Parse(d.File, []byte(render(d)))
		if len(problems) > 0 {
			t.Errorf("%s: %v", d.Name, problems)
			continue
		}
		if diff := cmp.Diff(d, again, cmp.FilterPath(func(p cmp.Path) bool {
			return strings.HasSuffix(p.String(), "Line")
		}, cmp.Ignore()), cmp.FilterPath(func(p cmp.Path) bool {
			f, ok := p.Last().(cmp.StructField)
			return ok && f.Name()[0] >= 'a'
		}, cmp.Ignore())); diff != "" {
			t.Errorf("%s: %s", d.Name, diff)
		}
	}
}

// TestNovel checks that no two of the domains that people wrote are taken for copies.
func TestNovel(t *testing.T) {
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	made, said := make([][]string, len(all)), make([][]string, len(all))
	for i, d := range all {
		made[i], said[i] = parts(d), phrases(d)
	}
	most, pair := 0.0, ""
	for i, a := range all {
		for j, b := range all {
			if s := max(shared(made[i], made[j]), shared(said[i], said[j])); i != j && s > most {
				most, pair = s, a.Name+" and "+b.Name
			}
		}
	}
	t.Logf("%s share %.2f", pair, most)
	if most > 0.2 {
		t.Errorf("%s share %.2f of their parts", pair, most)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	all, err := Load(dir, "", filepath.Join(dir, "missing"))
	if err != nil || len(all) < 100 {
		t.Fatalf("%d domains, %v", len(all), err)
	}
	mine := strings.Replace(strings.Replace(raw(t, "vineyard"), "domain: vineyard", "domain: vineyard_two", 1), "service: ", "service: Second ", 1)
	if err := os.WriteFile(filepath.Join(dir, "vineyard_two.yaml"), []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	more, err := Load(dir)
	if err != nil || len(more) != len(all)+1 {
		t.Errorf("%d domains, %v", len(more), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vineyard.yaml"), []byte(raw(t, "vineyard")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "already the name") {
		t.Errorf("a name that is taken: %v", err)
	}
}

// FuzzExtract gives any answer: what comes out is a part of it.
func FuzzExtract(f *testing.F) {
	f.Add("text\n```yaml\ndomain: x\n```\nmore")
	f.Add("```\ndomain: x")
	f.Add("domain: y\nz")
	f.Fuzz(func(t *testing.T, answer string) {
		if got := extract(answer); !strings.Contains(answer, got) {
			t.Errorf("%q is not in %q", got, answer)
		}
	})
}
