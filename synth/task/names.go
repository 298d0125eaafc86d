package task

import (
	"slices"
	"strings"
	"time"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
)

// dangling are last words of names that people would not use as nouns: read_at, valid_until.
var dangling = strings.Fields("at by for from in on out to until")

// abbreviated are last words of names that are units: odometer_km.
var abbreviated = strings.Fields("c cm days eur gb gbp h hours hz kg km kw kwh l m m2 m3 mb mg min minutes ml mm months mw " +
	"pct percent s seconds t usd v w weeks years")

// fieldName is how people call a field: its name in words, or what is said about it where the name is that of a column.
func fieldName(f *domain.Field) string {
	words := strings.Fields(value.Words(f.Name))
	last := strings.ToLower(words[len(words)-1])
	unit := len(words) > 1 && slices.Contains(abbreviated, last) && (f.Unit != "" || f.Type == domain.Percent || f.Type == domain.Minutes)
	if !unit && (len(words) == 1 || !slices.Contains(dangling, last)) {
		return strings.Join(words, " ")
	}
	if about := lowerFirst(f.About); nounPhrase(about) {
		return about
	}
	if unit {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}

// nounPhrase reports whether a description can stand for a name within a sentence: short, without names and numbers that
// would need a source, and without words by which outcomes and consent are recognised.
func nounPhrase(about string) bool {
	words := strings.Count(about, " ") + 1
	if words > 7 || question(about) || strings.ContainsAny(about, ",;:()'0123456789") || about != strings.ToLower(about) {
		return false
	}
	t := value.Read(about, time.Time{})
	return !SaysNo(t) && !ClaimsSuccess(t) && !AsksConsent(t) && !any1(t, claimPhrases)
}
