package task

import (
	"testing"

	"muonclip/synth/domain"
)

// TestBatch: plans use the tools for several records at once, and those that tell whether something is possible.
func TestBatch(t *testing.T) {
	p := pool(t, Parallel, Single)
	used := map[string]int{}
	for i := range uint64(400) {
		x, err := p.Sample(Key{71, i})
		if err != nil {
			t.Fatal(err)
		}
		for n, seg := range x.Segments {
			if seg.Intent.Tool == nil || seg.Steps[0].Do != DoCall {
				continue
			}
			kind := string(seg.Intent.Tool.Kind)
			used[kind]++
			list := seg.Steps[0].Args[0:min(1, len(seg.Steps[0].Args))]
			expected := 0
			for _, e := range x.Rubric.Pattern {
				if e.Segment == n {
					expected++
				}
			}
			switch kind {
			case "bulk":
				if k := len(list[0].From.List); k < 2 || expected != k || x.Rubric.MaxWrites < x.Writes+k-1 || len(seg.Changes) < k {
					t.Errorf("%s: %d records, %d calls expected, at most %d writes, %d changes", x.ID(), k, expected, x.Rubric.MaxWrites, len(seg.Changes))
				}
			case "compare":
				if k := len(list[0].From.List); k < 2 || len(seg.Facts)%k != 0 || expected != k {
					t.Errorf("%s: %d records, %d facts, %d calls expected", x.ID(), k, len(seg.Facts), expected)
				}
			case "can":
				yes, isBool := seg.Facts[0].Value.V.(bool)
				if seg.Intent.Act != ActMay || !isBool || yes != (len(seg.Facts) == 1) {
					t.Errorf("%s: the verdict is %v with %d facts", x.ID(), seg.Facts[0].Value.V, len(seg.Facts))
				}
			}
		}
	}
	for _, kind := range []string{"bulk", "compare", "can"} {
		if used[kind] == 0 {
			t.Errorf("no plan of 400 uses a tool of the kind %s", kind)
		}
	}
	t.Logf("used: %v", used)
}

func TestFieldName(t *testing.T) {
	for _, c := range []struct {
		field domain.Field
		want  string
	}{
		{domain.Field{Name: "odometer_km", Type: domain.Int, Unit: "km", About: "Odometer reading"}, "odometer reading"},
		{domain.Field{Name: "odometer_km", Type: domain.Int, Unit: "km", About: "Reading of 3 digits"}, "odometer"},
		{domain.Field{Name: "fee_cap", Type: domain.Money, Unit: "USD", About: "Largest fee"}, "fee cap"},
		{domain.Field{Name: "read_at", Type: domain.Datetime, About: "Time of the most recent reading"}, "time of the most recent reading"},
		{domain.Field{Name: "read_at", Type: domain.Datetime, About: "When it was read"}, "read at"},
		{domain.Field{Name: "closed_on", Type: domain.Date, About: "Day that cannot be booked"}, "closed on"},
		{domain.Field{Name: "days", Type: domain.Int, Unit: "days", About: "Length"}, "days"},
	} {
		if got := fieldName(&c.field); got != c.want {
			t.Errorf("%s (%s) is called %q, want %q", c.field.Name, c.field.About, got, c.want)
		}
	}
}

func TestCompactConfig(t *testing.T) {
	sets := pool(t, Single).products
	if len(sets) < 100 {
		t.Fatalf("%d products", len(sets))
	}
	for name, c := range map[string]Config{
		"a kind that is not short":  {Compact: true, Weights: map[Kind]int{Long: 1}},
		"a bound on ordinary tasks": {MaxChars: 500},
	} {
		if err := (&Pool{cfg: c}).compactConfig(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
