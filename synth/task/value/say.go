package value

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"muonclip/synth/domain"
)

// Say writes a value for people. Two generators in the same state give the same spelling; today is the day on
// which it is said.
func Say(v Value, today time.Time, r *rand.Rand) string {
	switch x := v.V.(type) {
	case nil:
		return pick(r, "not set", "none on file", "empty")
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case int64:
		return number(float64(x), v, r)
	case float64:
		return number(x, v, r)
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = Say(Value{e, domain.Text, ""}, today, r)
		}
		if len(parts) == 0 {
			return "none"
		}
		return Join(parts)
	case map[string]any:
		parts := make([]string, 0, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, Words(k)+" "+Say(Value{x[k], guess(x[k]), ""}, today, r))
		}
		return Join(parts)
	case string:
		return text(x, v.Type, today, r)
	}
	return ""
}

// text writes a string as its type is said.
func text(s string, t domain.Type, today time.Time, r *rand.Rand) string {
	switch t {
	case domain.Enum:
		return Words(s)
	case domain.Date:
		if d, ok := Date(s); ok {
			return SayDate(d, today, r)
		}
	case domain.Datetime:
		if len(s) >= 16 && s[10] == 'T' {
			if d, ok := Date(s[:10]); ok {
				return SayDate(d, today, r) + pick(r, " at ", ", ") + s[11:16]
			}
		}
	}
	return s
}

// guess is the type by which a bare JSON value is said.
func guess(v any) domain.Type {
	s, ok := v.(string)
	if !ok {
		return domain.Text
	}
	if _, ok := Date(s); ok {
		return domain.Date
	}
	if strings.Contains(s, "_") && !strings.Contains(s, " ") {
		return domain.Enum
	}
	return domain.Text
}

// Guess is the type by which a value without a declaration is said.
func Guess(v any) domain.Type {
	s, ok := v.(string)
	if !ok {
		return guess(v)
	}
	if len(s) == 20 && s[10] == 'T' && s[19] == 'Z' {
		return domain.Datetime
	}
	return guess(v)
}

// SayDate writes a day in one of the forms that Scan reads back. The year is left out only within five months.
func SayDate(d, today time.Time, r *rand.Rand) string {
	far := Days(today, d)
	near := far < 150 && far > -150
	day, month, year := strconv.Itoa(d.Day()), d.Month().String(), strconv.Itoa(d.Year())
	n := 6
	if !near {
		n = 4
	}
	switch r.IntN(n) {
	case 0:
		return day + " " + month + " " + year
	case 1:
		return month + " " + day + ", " + year
	case 2:
		return d.Weekday().String() + ", " + day + " " + month + " " + year
	case 3:
		return ISO(d)
	case 4:
		return day + " " + month
	}
	return month + " " + day
}

// SayDateLoosely writes a day as people do who talk: tomorrow, the 12th of March, in 5 days.
func SayDateLoosely(d, today time.Time, r *rand.Rand) string {
	far := Days(today, d)
	near := far < 150 && far > -150
	var forms []string
	switch far {
	case 0:
		forms = append(forms, "today")
	case 1:
		forms = append(forms, "tomorrow")
	case -1:
		forms = append(forms, "yesterday")
	case 2:
		forms = append(forms, "the day after tomorrow")
	case 7:
		forms = append(forms, "a week from today")
	case 14:
		forms = append(forms, "two weeks from today")
	}
	if far > 1 && far < 7 {
		forms = append(forms, "this coming "+d.Weekday().String())
	}
	if far > 2 && far < 31 {
		forms = append(forms, "in "+strconv.Itoa(far)+" days")
	}
	if near {
		day, month := d.Day(), d.Month().String()
		forms = append(forms, "the "+Ordinal(day)+" of "+month, month+" "+Ordinal(day), strconv.Itoa(day)+" "+month, d.Weekday().String()+" the "+Ordinal(day)+" of "+month)
	}
	if len(forms) == 0 || r.IntN(6) == 0 {
		return SayDate(d, today, r)
	}
	return forms[r.IntN(len(forms))]
}

// SayLoosely is Say with dates as people say them in passing.
func SayLoosely(v Value, today time.Time, r *rand.Rand) string {
	if s, ok := v.V.(string); ok && v.Type == domain.Date {
		if d, ok := Date(s); ok {
			return SayDateLoosely(d, today, r)
		}
	}
	return Say(v, today, r)
}

// Ordinal writes 1st, 2nd, 3rd.
func Ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// number writes a number with its unit.
func number(f float64, v Value, r *rand.Rand) string {
	switch {
	case v.Type == domain.Percent:
		return plainNumber(f) + pick(r, "%", " %", " percent")
	case v.Type == domain.Minutes && v.Unit == "":
		return plainNumber(f) + plural(" minutes", f)
	case v.Type == domain.Money || currency(v.Unit) != "":
		return money(f, v.Unit, r)
	case v.Unit == "":
		return plainNumber(f)
	}
	return grouped(f, r) + plural(" "+v.Unit, f)
}

// money writes an amount with the currency at the beginning of unit and what follows it there.
func money(f float64, unit string, r *rand.Rand) string {
	cur := currency(unit)
	rest := strings.TrimPrefix(unit, cur)
	amount := commas(strconv.FormatFloat(f, 'f', decimals(f), 64))
	sign := map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}[cur]
	switch {
	case unit == "":
		return amount
	case cur == "":
		return amount + plural(" "+unit, f)
	case sign != "" && r.IntN(2) == 0:
		return sign + amount + rest
	case r.IntN(3) == 0:
		return cur + " " + amount + rest
	}
	return amount + " " + cur + rest
}

// decimals is how many digits an amount shows: none for whole amounts, two where they suffice, else all.
func decimals(f float64) int {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	dot := strings.IndexByte(s, '.')
	switch {
	case dot < 0:
		return 0
	case len(s)-dot-1 <= 2:
		return 2
	}
	return -1
}

func plainNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func grouped(f float64, r *rand.Rand) string {
	if f >= 10000 || f <= -10000 || r.IntN(2) == 0 {
		return commas(plainNumber(f))
	}
	return plainNumber(f)
}

// commas puts a comma between thousands.
func commas(s string) string {
	end := strings.IndexByte(s, '.')
	if end < 0 {
		end = len(s)
	}
	start := 0
	if strings.HasPrefix(s, "-") {
		start = 1
	}
	for i := end - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// currency is the three-letter code at the beginning of a unit, or "".
func currency(unit string) string {
	if len(unit) < 3 || len(unit) > 3 && unit[3] != ' ' {
		return ""
	}
	for i := range 3 {
		if unit[i] < 'A' || unit[i] > 'Z' {
			return ""
		}
	}
	return unit[:3]
}

// plural drops the plural's s of a unit of one word for the number 1.
func plural(unit string, f float64) string {
	if f == 1 && strings.HasSuffix(unit, "s") && !strings.HasSuffix(unit, "ss") && strings.Count(unit, " ") == 1 && len(unit) > 4 {
		return strings.TrimSuffix(unit, "s")
	}
	return unit
}

// Join writes a list: a, b and c.
func Join(parts []string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func pick(r *rand.Rand, options ...string) string { return options[r.IntN(len(options))] }
