package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Filters say which documents to drop. The zero value keeps all; each field that is 0 is off.
type Filters struct {
	MinBytes     int `json:"min_bytes"`      // drop shorter documents; 0 is off
	MaxBytes     int `json:"max_bytes"`      // drop longer documents; 0 is off
	MaxLineBytes int `json:"max_line_bytes"` // drop documents with a longer line, often generated or minified; 0 is off
	// MinAlphanumeric drops documents in which a smaller fraction of the characters that are not
	// white space are letters or digits; 0 is off.
	MinAlphanumeric float64 `json:"min_alphanumeric"`
	// MaxRepeatedLines drops documents in which a larger fraction of the lines that are not blank
	// equal an earlier line; 0 is off.
	MaxRepeatedLines float64 `json:"max_repeated_lines"`
	// Sample keeps this fraction of the documents, chosen by a hash of seed and name; 0 is off.
	Sample float64 `json:"sample"`
	// ExactDuplicates drops documents with the bytes of an earlier one (XXH3-128).
	ExactDuplicates bool           `json:"exact_duplicates"`
	NearDuplicates  NearDuplicates `json:"near_duplicates"`
}

func (f Filters) validate() error {
	var errs []error
	for _, c := range []struct {
		name  string
		value int
	}{{"min_bytes", f.MinBytes}, {"max_bytes", f.MaxBytes}, {"max_line_bytes", f.MaxLineBytes}} {
		if c.value < 0 {
			errs = append(errs, fmt.Errorf("corpus: filters.%s is %d, want 0 (off) or more", c.name, c.value))
		}
	}
	if f.MaxBytes > 0 && f.MinBytes > f.MaxBytes {
		errs = append(errs, fmt.Errorf("corpus: filters.min_bytes %d is above max_bytes %d: nothing would be left", f.MinBytes, f.MaxBytes))
	}
	for _, c := range []struct {
		name  string
		value float64
	}{{"min_alphanumeric", f.MinAlphanumeric}, {"max_repeated_lines", f.MaxRepeatedLines}, {"sample", f.Sample}, {"near_duplicates.threshold", f.NearDuplicates.Threshold}} {
		if !(c.value >= 0 && c.value <= 1) {
			errs = append(errs, fmt.Errorf("corpus: filters.%s is %v, want a fraction, 0 for off", c.name, c.value))
		}
	}
	return errors.Join(append(errs, f.NearDuplicates.validate())...)
}

// quality returns the reason for which a text is dropped, "" to keep it.
func (f Filters) quality(text []byte) string {
	switch {
	case f.MinBytes > 0 && len(text) < f.MinBytes:
		return reasonShort
	case f.MaxBytes > 0 && len(text) > f.MaxBytes:
		return reasonLong
	case f.MaxLineBytes > 0 && longestLine(text) > f.MaxLineBytes:
		return reasonLine
	case f.MinAlphanumeric > 0 && alphanumeric(text) < f.MinAlphanumeric:
		return reasonAlnum
	case f.MaxRepeatedLines > 0 && repeatedLines(text) > f.MaxRepeatedLines:
		return reasonRepeated
	}
	return ""
}

// longestLine is the length in bytes of the longest line, without its newline.
func longestLine(text []byte) int {
	longest := 0
	for line := range bytes.Lines(text) {
		longest = max(longest, len(bytes.TrimSuffix(line, []byte("\n"))))
	}
	return longest
}

// alphanumeric is the fraction of letters and digits among the characters that are not white space; 0 where there are none.
func alphanumeric(text []byte) float64 {
	var good, all int
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		text = text[n:]
		if unicode.IsSpace(c) {
			continue
		}
		all++
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			good++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(good) / float64(all)
}

// repeatedLines is the fraction of the lines that equal an earlier one, blank lines and white space
// at both ends aside; 0 where there are none.
func repeatedLines(text []byte) float64 {
	seen := map[uint64]bool{}
	var repeated, all int
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		all++
		h := xxh3.Hash(line)
		if seen[h] {
			repeated++
		}
		seen[h] = true
	}
	if all == 0 {
		return 0
	}
	return float64(repeated) / float64(all)
}

// exactSet remembers texts by their 128-bit hash: among a billion texts the chance that two
// different ones collide is below 1e-20.
type exactSet map[xxh3.Uint128]struct{}

// add says whether the text was there before.
func (s exactSet) add(text []byte) bool {
	h := xxh3.Hash128(text)
	_, old := s[h]
	s[h] = struct{}{}
	return old
}
