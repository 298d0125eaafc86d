package value

import (
	"math/rand/v2"
	"testing"
	"time"

	"muonclip/synth/domain"

	"pgregory.net/rapid"
)

var today = time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC) // a Thursday

func TestWhatIsSaidIsRecognised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		v := draw(t)
		for name, say := range map[string]func(Value, time.Time, *rand.Rand) string{"Say": Say, "SayLoosely": SayLoosely} {
			text := "Well, the value is " + say(v, today, r) + ", as far as I know."
			if !Read(text, today).Has(v) {
				t.Fatalf("%s wrote %+v as %q, which does not have it", name, v, text)
			}
		}
	})
}

func draw(t *rapid.T) Value {
	day := func() string { return ISO(today.AddDate(0, 0, rapid.IntRange(-3000, 800).Draw(t, "days"))) }
	switch rapid.IntRange(0, 9).Draw(t, "type") {
	case 0:
		return Value{day(), domain.Date, ""}
	case 1:
		return Value{day() + "T09:30:00Z", domain.Datetime, ""}
	case 2:
		return Value{float64(rapid.IntRange(-500, 5000000).Draw(t, "cents")) / 100, domain.Money, rapid.SampledFrom([]string{"USD", "EUR per night", "GBP", "points", "CHF"}).Draw(t, "unit")}
	case 3:
		return Value{int64(rapid.IntRange(0, 100000).Draw(t, "n")), domain.Int, rapid.SampledFrom([]string{"", "nights", "kg", "milkings a day"}).Draw(t, "unit")}
	case 4:
		return Value{rapid.Float64Range(0, 400).Draw(t, "f"), domain.Percent, ""}
	case 5:
		return Value{rapid.SampledFrom([]string{"checked_in", "half_board", "none", "b2b_sale"}).Draw(t, "enum"), domain.Enum, ""}
	case 6:
		return Value{rapid.Bool().Draw(t, "b"), domain.Bool, ""}
	case 7:
		return Value{[]any{"maize silage", "RSV-12345", "D123456"}, domain.List, ""}
	case 8:
		return Value{map[string]any{"pillow": "feather_free", "high_floor": true}, domain.Object, ""}
	}
	return Value{nil, domain.Text, ""}
}

func TestDatesAsPeopleSayThem(t *testing.T) {
	for text, want := range map[string]string{
		"arriving the 3rd of April please":     "2026-04-03",
		"Could we do April 3rd?":               "2026-04-03",
		"it was 28 December":                   "2025-12-28",
		"in 5 days, if that works":             "2026-03-17",
		"this coming Friday":                   "2026-03-13",
		"this coming Thursday":                 "2026-03-19",
		"the day after tomorrow":               "2026-03-14",
		"a week from today":                    "2026-03-19",
		"due 2027-01-05.":                      "2027-01-05",
		"on Monday, 5 January 2027, at 09:30.": "2027-01-05",
	} {
		found := false
		for _, a := range Scan(text, today) {
			found = found || a.Kind == AtomDate && a.Text == want
		}
		if !found {
			t.Errorf("%q: %s not found in %+v", text, want, Scan(text, today))
		}
	}
}

func TestNamesAndCodes(t *testing.T) {
	var names, codes []string
	for _, a := range Scan("Hello Anna! Reservation RSV-12345 of Anna Kowalska (a.k@mail.example) is fine. Bye\nTom", today) {
		if a.Name {
			names = append(names, a.Text)
		}
		if a.Kind == AtomCode {
			codes = append(codes, a.Text)
		}
	}
	if len(names) != 3 || names[0] != "anna" || names[1] != "anna" || names[2] != "kowalska" {
		t.Errorf("names %q", names)
	}
	if len(codes) != 2 || codes[0] != "rsv-12345" || codes[1] != "a.k@mail.example" {
		t.Errorf("codes %q", codes)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("on 12 March 2027, $1,240.50 – in 5 days")
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range Scan(s, today) {
			if a.At < 0 || a.At >= len(s) {
				t.Fatalf("offset %d of %d", a.At, len(s))
			}
		}
		Read(s, today).Has(Value{s, domain.Text, ""})
	})
}
