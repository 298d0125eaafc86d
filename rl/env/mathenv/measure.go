package mathenv

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// geometry asks for lengths, areas and volumes.
func geometry(r *rand.Rand, d int) sketch {
	a, b, c := between(r, 2, 15*d), between(r, 2, 15*d), between(r, 2, 6*d)
	switch d {
	case 1:
		side := between(r, 2, 250)
		return sketch{
			terse: fmt.Sprintf("square %d perimeter=", side),
			texts: []string{fmt.Sprintf("A square has sides of %d cm. What is its perimeter in cm?", side)},
			work:  fmt.Sprintf("4*%d=%d", side, 4*side),
			gold:  fmt.Sprint(4 * side),
		}
	case 2:
		return sketch{
			terse: fmt.Sprintf("rectangle %d %d perimeter=", a, b),
			texts: []string{fmt.Sprintf("A rectangle is %d m long and %d m wide. What is its perimeter in m?", a, b)},
			work:  fmt.Sprintf("%d+%d=%d, 2*%d=%d", a, b, a+b, a+b, 2*(a+b)),
			gold:  fmt.Sprint(2 * (a + b)),
		}
	case 3:
		return sketch{
			terse: fmt.Sprintf("rectangle %d %d area=", a, b),
			texts: []string{
				fmt.Sprintf("A rectangle is %d m long and %d m wide. What is its area in square metres?", a, b),
				fmt.Sprintf("A floor of %d m by %d m is tiled. How many square metres of tiles are needed?", a, b),
			},
			work: fmt.Sprintf("%d*%d=%d", a, b, a*b),
			gold: fmt.Sprint(a * b),
		}
	case 4:
		return sketch{
			terse: fmt.Sprintf("triangle base %d height %d area=", a, b),
			texts: []string{fmt.Sprintf("A triangle has a base of %d cm and a height of %d cm. What is its area in square centimetres?", a, b)},
			work:  fmt.Sprintf("%d*%d=%d, half of it is %s", a, b, a*b, ratio(a*b, 2)),
			gold:  ratio(a*b, 2),
		}
	}
	return sketch{
		terse: fmt.Sprintf("box %d %d %d surface=", a, b, c),
		texts: []string{fmt.Sprintf("A box is %d cm long, %d cm wide and %d cm high. What is its surface in square centimetres?", a, b, c)},
		work:  fmt.Sprintf("%d*%d=%d, %d*%d=%d, %d*%d=%d\n2*%d=%d", a, b, a*b, a, c, a*c, b, c, b*c, a*b+a*c+b*c, 2*(a*b+a*c+b*c)),
		gold:  fmt.Sprint(2 * (a*b + a*c + b*c)),
	}
}

// units converts between units of measurement.
func units(r *rand.Rand, d int) sketch {
	type pair struct {
		large, small string
		factor       int
	}
	p := pick(r, pair{"m", "cm", 100}, pair{"km", "m", 1000}, pair{"kg", "g", 1000}, pair{"hours", "minutes", 60}, pair{"minutes", "seconds", 60},
		pair{"days", "hours", 24}, pair{"weeks", "days", 7}, pair{"cm", "mm", 10})
	n := between(r, 2, 20+20*d)
	switch d {
	case 1:
		return sketch{
			terse: fmt.Sprintf("%d %s = ? %s", n, p.large, p.small),
			texts: []string{fmt.Sprintf("How many %s are %d %s?", p.small, n, p.large), fmt.Sprintf("Convert %d %s to %s.", n, p.large, p.small)},
			work:  fmt.Sprintf("%d*%d=%d", n, p.factor, n*p.factor),
			gold:  fmt.Sprint(n * p.factor),
		}
	case 2:
		return sketch{
			terse: fmt.Sprintf("%d %s = ? %s", n*p.factor, p.small, p.large),
			texts: []string{fmt.Sprintf("How many %s are %d %s?", p.large, n*p.factor, p.small)},
			work:  fmt.Sprintf("%d/%d=%d", n*p.factor, p.factor, n),
			gold:  fmt.Sprint(n),
		}
	case 3:
		k := between(r, 1, p.factor-1)
		return sketch{
			terse: fmt.Sprintf("%d %s %d %s = ? %s", n, p.large, k, p.small, p.small),
			texts: []string{fmt.Sprintf("How many %s are %d %s and %d %s?", p.small, n, p.large, k, p.small)},
			work:  fmt.Sprintf("%d*%d=%d\n%d+%d=%d", n, p.factor, n*p.factor, n*p.factor, k, n*p.factor+k),
			gold:  fmt.Sprint(n*p.factor + k),
		}
	case 4:
		speed, minutes := 6*between(r, 2, 40), 10*between(r, 1, 60)
		return sketch{
			terse: fmt.Sprintf("%d km/h, %d min: ? km", speed, minutes),
			texts: []string{
				fmt.Sprintf("A train goes %d km an hour. How many km does it go in %d minutes?", speed, minutes),
				fmt.Sprintf("At %d km/h, how many km does a car go in %d minutes?", speed, minutes),
			},
			work: fmt.Sprintf("%d*%d=%d\n%d/60=%d", speed, minutes, speed*minutes, speed*minutes, speed*minutes/60),
			gold: fmt.Sprint(speed * minutes / 60),
		}
	}
	litres, glass := between(r, 2, 30), pick(r, 100, 125, 200, 250)
	drunk := between(r, 1, litres*1000/glass-1)
	left := litres*1000 - drunk*glass
	return sketch{
		terse: fmt.Sprintf("%d L - %d*%d mL = ? mL", litres, drunk, glass),
		texts: []string{fmt.Sprintf("A barrel holds %d litres. %d glasses of %d mL are filled from it. How many mL are left?", litres, drunk, glass)},
		work:  fmt.Sprintf("%d*1000=%d\n%d*%d=%d\n%d-%d=%d", litres, litres*1000, drunk, glass, drunk*glass, litres*1000, drunk*glass, left),
		gold:  fmt.Sprint(left),
	}
}

// clock asks for a time of day after some minutes.
func clock(r *rand.Rand, d int) sketch {
	start := between(r, 0, 24*60-1)
	shift := between(r, 5, 59)
	if d == 3 {
		shift = between(r, 60, 600)
	}
	if d == 4 {
		shift = -between(r, 60, 900)
	}
	end := (start + shift + 24*60) % (24 * 60)
	show := func(m int) string { return fmt.Sprintf("%d:%02d", m/60, m%60) }
	word, sign := "after", "+"
	if shift < 0 {
		word, sign, shift = "before", "-", -shift
	}
	return sketch{
		terse: fmt.Sprintf("%s %s %d min =", show(start), sign, shift),
		texts: []string{
			fmt.Sprintf("What time is it %d minutes %s %s? Use the 24-hour clock, such as 9:05 or 17:30.", shift, word, show(start)),
			fmt.Sprintf("A clock shows %s. Give the time %d minutes %s that, on the 24-hour clock, such as 9:05 or 17:30.", show(start), shift, word),
		},
		work: fmt.Sprintf("%d minutes are %d h %d min.", shift, shift/60, shift%60),
		gold: show(end),
	}
}

// weekday asks for the day of the week after some days.
func weekday(r *rand.Rand, d int) sketch {
	day := time.Weekday(r.IntN(7))
	n := between(r, 2, []int{0, 0, 40, 400, 4000}[d])
	end := time.Weekday((int(day) + n) % 7)
	return sketch{
		terse: fmt.Sprintf("%s + %d days =", day, n),
		texts: []string{
			fmt.Sprintf("Today is %s. Which day of the week is it in %d days?", day, n),
			fmt.Sprintf("Which day of the week comes %d days after a %s?", n, day),
		},
		work: fmt.Sprintf("%d mod 7=%d\n%d days after %s comes %s.", n, n%7, n%7, day, end),
		gold: end.String(),
	}
}

// date asks for a date after some days, or for the days between two dates.
func date(r *rand.Rand, d int) sketch {
	start := time.Date(2000+r.IntN(60), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	n := between(r, 5, []int{0, 0, 0, 40, 150, 500}[d])
	end := start.AddDate(0, 0, n)
	from, to := start.Format(time.DateOnly), end.Format(time.DateOnly)
	if r.IntN(2) == 0 {
		return sketch{
			terse: fmt.Sprintf("%s + %d days =", from, n),
			texts: []string{fmt.Sprintf("Which date is %d days after %s? Write it in the same form.", n, from)},
			work:  walk(start, n),
			gold:  to,
		}
	}
	return sketch{
		terse: fmt.Sprintf("%s to %s: days?", from, to),
		texts: []string{fmt.Sprintf("How many days are there from %s to %s, the first day not counted?", from, to)},
		work:  walk(start, n) + fmt.Sprintf("\nTogether %d days.", n),
		gold:  fmt.Sprint(n),
	}
}

// walk goes from month to month.
func walk(at time.Time, n int) string {
	var steps []string
	for n > 0 {
		next := time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		days := min(n, int(next.Sub(at).Hours()/24))
		at = at.AddDate(0, 0, days)
		n -= days
		steps = append(steps, fmt.Sprintf("+%d: %s", days, at.Format(time.DateOnly)))
	}
	return lines(steps...)
}
