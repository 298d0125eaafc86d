package progress

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	barWidth    = 24 // columns of the bar where there is room
	barLeast    = 8  // a narrower bar says nothing
	barFull     = "━"
	barRest     = "─"
	unknownRate = "-"
)

// frame is the live line: title, bar, share, count, rate, time left, fields. It is one column narrower than the
// terminal, because some wrap when the last column is filled. What does not fit goes in this order: part of the bar, the
// rate, the count, the bar, the fields from the last.
func (t *Task) frame(now time.Time, width int) string {
	room := max(width-1, 1)
	title, share, amount, rate, left := t.title(), t.share(), t.amount(), t.speed(), t.left(now)
	fields := t.fieldTexts()
	bar := barWidth
	if share == "" {
		bar = 0
	}
	build := func() string {
		parts := []string{title}
		if bar > 0 {
			full := int(math.Round(t.fraction() * float64(bar)))
			parts = append(parts, strings.Repeat(barFull, full)+strings.Repeat(barRest, bar-full))
		}
		for _, p := range append([]string{share, amount, rate, left}, fields...) {
			if p != "" {
				parts = append(parts, p)
			}
		}
		return strings.Join(parts, "  ")
	}
	line := build()
	over := func() int { return utf8.RuneCountInString(line) - room }
	for over() > 0 {
		switch {
		case bar > barLeast:
			bar = max(barLeast, bar-over())
		case rate != "":
			rate = ""
		case amount != "":
			amount = ""
		case bar > 0:
			bar = 0
		case len(fields) > 0:
			fields = fields[:len(fields)-1]
		default:
			return string([]rune(line)[:room])
		}
		line = build()
	}
	return line
}

// line is a plain line, with the time since the start in front for those who read a log file.
func (t *Task) line(now time.Time) string {
	parts := []string{}
	for _, p := range append([]string{t.share(), t.amount(), t.speed(), t.left(now)}, t.fieldTexts()...) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	s := "[" + Duration(now.Sub(t.start)) + "] " + t.title()
	if len(parts) > 0 {
		s += ": " + strings.Join(parts, ", ")
	}
	return s
}

// last is the line that stays when a task has ended; its rate is the mean of the whole task.
func (t *Task) last(now time.Time, summary string) string {
	took := now.Sub(t.start)
	parts := []string{}
	add := func(p string) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if t.spec.Unit != "" {
		add(t.amount())
	}
	add("in " + Duration(took))
	if did := t.done - t.spec.Done; t.spec.Unit != "" && did > 0 && took > 0 {
		add(perSecond(float64(did)/took.Seconds(), t.spec.Unit))
	}
	for _, f := range t.fieldTexts() {
		add(f)
	}
	add(clean(summary))
	return t.title() + ": " + strings.Join(parts, ", ")
}

func (t *Task) fraction() float64 {
	if t.spec.Total <= 0 {
		return 0
	}
	return min(max(float64(t.done)/float64(t.spec.Total), 0), 1)
}

func (t *Task) share() string {
	if t.spec.Total <= 0 {
		return ""
	}
	return strconv.Itoa(int(t.fraction()*100)) + "%"
}

func (t *Task) amount() string {
	if t.spec.Unit == "" {
		return ""
	}
	s := count(t.done)
	if t.spec.Total > 0 {
		s += "/" + count(t.spec.Total)
	}
	return s + " " + clean(t.spec.Unit)
}

func (t *Task) speed() string {
	if t.spec.Unit == "" {
		return ""
	}
	return perSecond(t.rate.perSecond(), t.spec.Unit)
}

// left is the time that the rest takes at the present rate, or the time passed where that is not known.
func (t *Task) left(now time.Time) string {
	r := t.rate.perSecond()
	if t.spec.Total <= 0 {
		return Duration(now.Sub(t.start))
	}
	if t.done >= t.spec.Total {
		return "eta 0s"
	}
	seconds := float64(t.spec.Total-t.done) / r
	if r <= 0 || seconds > 1e8 {
		return "eta " + unknownRate
	}
	return "eta " + Duration(time.Duration(seconds*float64(time.Second)))
}

// perSecond writes a rate with a unit of time in which it is not a tiny fraction.
func perSecond(r float64, unit string) string {
	unit = clean(unit)
	switch {
	case r <= 0 || math.IsNaN(r) || math.IsInf(r, 0):
		return ""
	case r < 0.1:
		return significant(r*60) + " " + unit + "/min"
	case r >= 1000:
		return count(int64(math.Round(r))) + " " + unit + "/s"
	}
	return significant(r) + " " + unit + "/s"
}

// Duration writes a duration to about three digits: 0.4s, 12s, 3m05s, 2h07m, 4d03h.
func Duration(d time.Duration) string {
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 0:
		return "0s"
	case d < 9950*time.Millisecond && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return strconv.FormatInt(s/60, 10) + "m" + two(s%60) + "s"
	case s < 100*3600:
		return strconv.FormatInt(s/3600, 10) + "h" + two(s%3600/60) + "m"
	}
	return strconv.FormatInt(s/86400, 10) + "d" + two(s%86400/3600) + "h"
}

// count writes 1234567 as 1,234,567.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// significant writes four significant digits without an exponent where that is short.
func significant(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case a == 0:
		return "0"
	case a >= 999.95 && a < 1e9:
		return count(int64(math.Round(v)))
	case a >= 99.995 && a < 1e9:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 9.9995 && a < 1e9:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a >= 0.1 && a < 1e9:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
