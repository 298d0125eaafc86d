package world

import (
	"fmt"
	"time"
)

// The forms of dates and times in a world. They sort as texts.
const (
	dateForm     = "2006-01-02"
	datetimeForm = "2006-01-02T15:04:05Z"
	timeForm     = "15:04"
)

// parseDay reads the day of a date or a datetime.
func parseDay(s string) (time.Time, error) {
	if len(s) > len(dateForm) && (s[10] == 'T' || s[10] == ' ') {
		s = s[:10]
	}
	t, err := time.Parse(dateForm, s)
	if err != nil {
		return t, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", s)
	}
	return t, nil
}

// addDays gives the date n days after a date.
func addDays(date string, n int) (string, error) {
	t, err := parseDay(date)
	if err != nil {
		return "", err
	}
	if n < -100_000 || n > 100_000 {
		return "", fmt.Errorf("%d days are more than a calendar of 270 years", n)
	}
	return t.AddDate(0, 0, n).Format(dateForm), nil
}

// daysBetween counts the days from a to b; negative when b comes first.
func daysBetween(a, b string) (int, error) {
	x, err := parseDay(a)
	if err != nil {
		return 0, err
	}
	y, err := parseDay(b)
	if err != nil {
		return 0, err
	}
	return int(y.Sub(x) / (24 * time.Hour)), nil
}

// parseDatetime brings what people and models write into the form of the world.
func parseDatetime(s string) (string, error) {
	for _, form := range []string{datetimeForm, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC().Format(datetimeForm), nil
		}
	}
	return "", fmt.Errorf("%q is not a date and time of the form 2026-03-14T09:30:00Z", s)
}

// parseTime brings a time of day into the form HH:MM.
func parseTime(s string) (string, error) {
	for _, form := range []string{timeForm, "15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.Format(timeForm), nil
		}
	}
	return "", fmt.Errorf("%q is not a time of the form HH:MM", s)
}
