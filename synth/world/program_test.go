package world_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"muonclip/synth/world"
)

func compile(t testing.TB, src string, writes bool, params ...string) *world.Program {
	t.Helper()
	p, err := world.Compile(world.Spec{Name: "test", Source: src, Params: params, Writes: writes})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHostFunctions(t *testing.T) {
	w := fresh(t, 1)
	job := w.Records("job")[0]
	for _, c := range []struct{ src, want string }{
		{`return [add_days("2026-02-27", 3), add_days("2026-03-01T10:00:00Z", -1), days_between("2026-02-27", "2026-03-02"), days_between("2026-03-02", "2026-03-01")]`,
			`["2026-03-02","2026-02-28",3,-1]`},
		{`return today() == add_days(today(), 0)`, `true`},
		{`return len(find("job"))`, `12`},
		{`return find("job", id=job)[0]["id"] == get("job", job)["id"]`, `true`},
		{`return label("job", job) == job`, `true`},
		{`return [r["due"] for r in query("job", sort="due")] == sorted([r["due"] for r in find("job")])`, `true`},
		{`return [r for r in query("job", least={"estimate": 100}, most={"estimate": 300}) if r["estimate"] < 100 or r["estimate"] > 300]`, `[]`},
		{`return len(query("mechanic", equal={"skills": "brakes"})) == len([m for m in find("mechanic") if "brakes" in m["skills"]])`, `true`},
		{`return len(query("job", equal={"mechanic": None, "status": None}))`, `12`}, // None is no condition
		{`return len(find("job", mechanic=None)) == len([j for j in find("job") if j["mechanic"] == None])`, `true`},
		{`return {"text": "a\"b\\\n\u00e9\x01", "n": 1.0, "x": 0.5, 3: (1, 2)}`, `{"text":"a\"b\\\né\u0001","n":1,"x":0.5,"3":[1,2]}`},
	} {
		res, err := compile(t, c.src, false, "job").Call(w, map[string]any{"job": job.ID})
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if string(res.JSON()) != c.want || !json.Valid(res.JSON()) {
			t.Errorf("%s: got %s, want %s", c.src, res.JSON(), c.want)
		}
	}
}

func TestCopiesMayBeChanged(t *testing.T) {
	w := fresh(t, 1)
	before := w.Hash()
	_, err := compile(t, `r = find("mechanic")[0]`+"\nr[\"name\"] = \"x\"\nr[\"skills\"].append(\"y\")\nreturn r", true).Call(w, nil)
	if err != nil || w.Hash() != before {
		t.Errorf("changing a copy: %v", err)
	}
	_, err = compile(t, `query("mechanic")[0]["name"] = "x"`+"\nreturn 1", true).Call(w, nil)
	if world.CodeOf(err) != world.Internal {
		t.Errorf("changing a shared record: %v", err)
	}
}

// TestTransaction checks that a program which fails after writing leaves nothing behind.
func TestTransaction(t *testing.T) {
	w := fresh(t, 2)
	before := w.Hash()
	write := `new = insert("customer", {"name": "A B", "email": "a@x.example", "address": "1 Kiln Lane", "country": "Peru", "prepaid": 1})
for j in find("job"):
    update("job", j["id"], {"complaint": "changed"})
`
	for _, c := range []struct {
		end  string
		code world.Code
	}{
		{`fail("conflict", "no")`, world.Conflict},
		{`fail("oops", "no")`, world.Internal},
		{`return 1 // 0`, world.Internal},
		{`return {}["missing"]`, world.Internal},
		{`get("customer", "CUS-0")`, world.NotFound},
		{`update("job", find("job")[0]["id"], {"spent": 99999})`, world.InvalidArgument},
		{`return [0] * 100000`, world.Internal},
		{`return "x" * 60000 + "y" * 9000`, world.Internal},
		{`return ["x" * 30000, "y" * 30000, "z" * 30000]`, world.Limit},
		{`return lambda: 1`, world.Internal},
		{"x = []\nfor i in range(50):\n    x = [x]\nreturn x", world.Internal},
		{"for i in range(9999):\n    for j in range(9999):\n        pass", world.Internal},
		{"for i in range(9999):\n    insert(\"customer\", {\"name\": str(i), \"email\": \"a@x.example\", \"address\": \"1\", \"country\": \"Peru\", \"prepaid\": 1})", world.Limit},
		{`insert("job", find("job")[0])`, world.InvalidArgument}, // an id cannot be chosen
	} {
		start := time.Now()
		_, err := compile(t, write+c.end, true).Call(w, nil)
		if world.CodeOf(err) != c.code && !(c.code == world.Limit && world.CodeOf(err) == world.Internal) {
			t.Errorf("%s: got %v, want %s", c.end, err, c.code)
		}
		if w.Hash() != before {
			t.Fatalf("%s: the world changed", c.end)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %v", c.end, took)
		}
	}
	res, err := compile(t, write+`return new`, true).Call(w, nil)
	if err != nil || w.Hash() == before {
		t.Fatalf("a good program: %v", err)
	}
	if _, ok := w.Get("customer", res.Value().(string)); !ok {
		t.Error("the new record is not there")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	w := fresh(t, 2)
	_, err := compile(t, `remove("job", find("job")[0]["id"])`+"\nreturn 1", false).Call(w, nil)
	if world.CodeOf(err) != world.Internal || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	_, err := compile(t, "x = 1\ny = []\nreturn x + y", false).Call(fresh(t, 1), nil)
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("got %v, want line 3", err)
	}
}

func TestEnforce(t *testing.T) {
	w := fresh(t, 5)
	p := compile(t, `enforce("job", job, "start")`+"\nreturn allowed(\"job\", job, \"start\")", false, "job")
	for _, r := range w.Records("job") {
		_, err := p.Call(w, map[string]any{"job": r.ID})
		want := world.Code("")
		if r.Get("mechanic") == nil {
			want = world.Forbidden
		}
		if world.CodeOf(err) != want {
			t.Errorf("%s: got %v, want %q", r.ID, err, want)
		}
	}
}

func TestArgumentsOfAnyKind(t *testing.T) {
	w := fresh(t, 1)
	p := compile(t, "return x", false, "x")
	for _, v := range []any{nil, true, 1, int64(2), 2.5, "s", []any{1, "a"}, map[string]any{"a": []any{nil}}} {
		if _, err := p.Call(w, map[string]any{"x": v}); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	if _, err := p.Call(w, map[string]any{"x": make(chan int)}); world.CodeOf(err) != world.InvalidArgument {
		t.Errorf("a channel: %v", err)
	}
}
