package value

import (
	"strconv"
	"time"
)

var months = func() map[string]time.Month {
	m := map[string]time.Month{}
	for k := time.January; k <= time.December; k++ {
		m[lower(k.String())] = k
		m[lower(k.String()[:3])] = k
	}
	m["sept"] = time.September
	return m
}()

var weekdays = func() map[string]time.Weekday {
	m := map[string]time.Weekday{}
	for d := time.Sunday; d <= time.Saturday; d++ {
		m[lower(d.String())] = d
	}
	return m
}()

// matchDate reads a day at the beginning of tokens. It returns how many tokens say it, 0 when they say none, and
// whether it is said loosely, relative to today.
func matchDate(t []token, today time.Time) (d time.Time, loose bool, n int) {
	first := t[0].low
	switch c := first[0]; {
	case c >= '0' && c <= '9':
		if d, ok := Date(first); ok {
			return d, false, 1
		}
		if d, n := dayMonth(t, today); n > 0 {
			return d, false, n
		}
		if len(t) > 2 && t[1].low == "days" {
			if k, err := strconv.Atoi(first); err == nil && k < 4000 {
				if t[2].low == "ago" {
					return today.AddDate(0, 0, -k), true, 3
				}
			}
		}
		return d, false, 0
	case len(first) < 2:
		if first == "a" && len(t) > 3 && t[1].low == "week" && t[2].low == "from" && t[3].low == "today" {
			return today.AddDate(0, 0, 7), true, 4
		}
		return d, false, 0
	}
	switch first {
	case "today":
		return today, true, 1
	case "tomorrow":
		return today.AddDate(0, 0, 1), true, 1
	case "yesterday":
		return today.AddDate(0, 0, -1), true, 1
	case "day":
		if len(t) > 2 && t[1].low == "after" && t[2].low == "tomorrow" {
			return today.AddDate(0, 0, 2), true, 3
		}
	case "in":
		if len(t) > 2 && t[2].low == "days" {
			if k, err := strconv.Atoi(t[1].low); err == nil && k < 4000 {
				return today.AddDate(0, 0, k), true, 3
			}
		}
	case "two":
		if len(t) > 3 && t[1].low == "weeks" && t[2].low == "from" && t[3].low == "today" {
			return today.AddDate(0, 0, 14), true, 4
		}
	case "coming":
		if len(t) > 1 {
			if w, ok := weekdays[t[1].low]; ok {
				ahead := (int(w) - int(today.Weekday()) + 6) % 7
				return today.AddDate(0, 0, ahead+1), true, 2
			}
		}
	}
	if m, ok := month(t[0]); ok && len(t) > 1 {
		if day, ok := dayNumber(t[1].low); ok {
			if len(t) > 2 && !t[2].start {
				if y, ok := year(t[2].low); ok {
					return time.Date(y, m, day, 0, 0, 0, 0, time.UTC), false, 3
				}
			}
			return nearest(m, day, today), false, 2
		}
	}
	return d, false, 0
}

// month reads the name of a month, which has a capital: may and apr are other things too.
func month(t token) (time.Month, bool) {
	m, ok := months[t.low]
	return m, ok && t.s[0] >= 'A' && t.s[0] <= 'Z'
}

// dayMonth reads "12 March 2027", "12th of March".
func dayMonth(t []token, today time.Time) (time.Time, int) {
	day, ok := dayNumber(t[0].low)
	if !ok || len(t) < 2 {
		return time.Time{}, 0
	}
	k := 1
	if t[1].low == "of" && len(t) > 2 {
		k = 2
	}
	m, ok := month(t[k])
	if !ok || t[k].start {
		return time.Time{}, 0
	}
	if len(t) > k+1 && !t[k+1].start {
		if y, ok := year(t[k+1].low); ok {
			return time.Date(y, m, day, 0, 0, 0, 0, time.UTC), k + 2
		}
	}
	return nearest(m, day, today), k + 1
}

func dayNumber(s string) (int, bool) {
	n, ok := ordinal(s)
	if !ok {
		if len(s) > 2 {
			return 0, false
		}
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			return 0, false
		}
	}
	return n, n >= 1 && n <= 31
}

func year(s string) (int, bool) {
	if len(s) != 4 {
		return 0, false
	}
	y, err := strconv.Atoi(s)
	return y, err == nil && y > 1800 && y < 2200
}

// nearest is the day of that name that is nearest to today.
func nearest(m time.Month, day int, today time.Time) time.Time {
	best := time.Date(today.Year(), m, day, 0, 0, 0, 0, time.UTC)
	for _, y := range [...]int{today.Year() - 1, today.Year() + 1} {
		d := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
		if abs(Days(today, d)) < abs(Days(today, best)) {
			best = d
		}
	}
	return best
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
