package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"muonclip/synth/domain"
)

// Draw draws a plausible value of a field or a parameter on the day of the world; nil for ref and refs, which need
// records. It is what fresh worlds are made of, so tools can use it to sample arguments.
func (w *World) Draw(r *rand.Rand, f *domain.Field) any {
	if f.Type == domain.Ref || f.Type == domain.Refs {
		return nil
	}
	return drawValue(r, f, w.today, "")
}

func drawValue(r *rand.Rand, f *domain.Field, today, context string) any {
	switch f.Type {
	case domain.Person, domain.Company, domain.City, domain.Country, domain.Address, domain.URL, domain.Title, domain.Text, domain.Email, domain.Phone, domain.Code:
		return drawText(r, f, context)
	case domain.Enum:
		return f.Values[r.IntN(len(f.Values))]
	case domain.Bool:
		return r.IntN(2) == 0
	case domain.Int, domain.Minutes:
		return drawWhole(r, f)
	case domain.Float, domain.Percent, domain.Money:
		return drawNumber(r, f)
	case domain.Date:
		s, _ := addDays(today, drawDay(r, f))
		return s
	case domain.Datetime:
		s, _ := addDays(today, drawDay(r, f))
		return fmt.Sprintf("%sT%02d:%02d:00Z", s, 7+r.IntN(14), 15*r.IntN(4))
	case domain.Time:
		return fmt.Sprintf("%02d:%02d", 7+r.IntN(14), 15*r.IntN(4))
	case domain.List:
		order := r.Perm(len(f.Samples))
		out := []any{}
		for _, i := range order[:min(len(order), 1+r.IntN(3))] {
			out = append(out, f.Samples[i])
		}
		return out
	case domain.Object:
		out := map[string]any{}
		for _, s := range f.Fields {
			if s.Optional && r.IntN(3) == 0 {
				continue
			}
			out[s.Name] = drawValue(r, s, today, context)
		}
		return out
	}
	return nil
}

func drawText(r *rand.Rand, f *domain.Field, context string) string {
	if len(f.Samples) > 0 {
		return pick(r, f.Samples)
	}
	switch f.Type {
	case domain.Person:
		return personName(r)
	case domain.Company:
		return companyName(r)
	case domain.City:
		return pick(r, names.cities)
	case domain.Country:
		return pick(r, names.countries)
	case domain.Address:
		return address(r)
	case domain.Phone:
		return phoneNumber(r)
	case domain.Email:
		who := slug(context, ".")
		if who == "" {
			who = slug(personName(r), ".")
		}
		if r.IntN(4) == 0 {
			who += strconv.Itoa(1 + r.IntN(99))
		}
		return who + "@" + slug(pick(r, names.companyFirst), "") + ".example"
	case domain.URL:
		host := slug(context, "-")
		if host == "" {
			host = slug(companyName(r), "-")
		}
		return "https://" + host + ".example/" + strings.ReplaceAll(f.Name, "_", "-")
	case domain.Code:
		if f.Pattern != "" {
			return f.NewCode(r.IntN)
		}
	}
	// A parameter without samples: a short phrase of its own description.
	return strings.ToLower(f.About)
}

func bounds(f *domain.Field) (lo, hi float64) {
	lo, hi = 1, 10
	if f.Min != nil {
		lo = *f.Min
		hi = max(hi, lo+9)
	}
	if f.Max != nil {
		hi = *f.Max
		lo = min(lo, hi)
	}
	return lo, hi
}

func drawWhole(r *rand.Rand, f *domain.Field) int64 {
	lo, hi := bounds(f)
	n := int64(lo) + r.Int64N(int64(hi)-int64(lo)+1)
	if f.Type == domain.Minutes { // people round minutes
		for _, step := range []int64{15, 5} {
			if m := n / step * step; m >= int64(lo) && hi-lo > float64(4*step) {
				return m
			}
		}
	}
	if hi-lo > 2000 {
		if m := n / 10 * 10; m >= int64(lo) {
			return m
		}
	}
	return n
}

func drawNumber(r *rand.Rand, f *domain.Field) float64 {
	lo, hi := bounds(f)
	x := lo + r.Float64()*(hi-lo)
	step := 0.1
	switch {
	case f.Type == domain.Money && hi-lo >= 2000:
		step = 5
	case f.Type == domain.Money && hi-lo >= 50:
		step = 0.5
	case hi-lo >= 1000:
		step = 1
	case hi-lo < 0.2:
		step = 0.001
	case f.Type == domain.Money || hi-lo <= 2:
		step = 0.01
	case f.Type == domain.Percent && hi-lo >= 20:
		step = 0.5
	}
	x = math.Round(x/step) * step
	x = math.Round(x*1000) / 1000
	return min(max(x, lo), hi)
}

func drawDay(r *rand.Rand, f *domain.Field) int {
	from, until := 0, 30
	if f.From != nil {
		from = *f.From
		until = max(until, from)
	}
	if f.Until != nil {
		until = *f.Until
		from = min(from, until)
	}
	return from + r.IntN(until-from+1)
}
