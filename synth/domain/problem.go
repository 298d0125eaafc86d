package domain

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File    string
	Line    int    // 0 when the whole file is meant
	Where   string // entity.field or the like
	Message string // what is wrong and what to do
}

// String gives file:line: where: message.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Where != "" {
		s += ": " + p.Where
	}
	return s + ": " + p.Message
}

// Problems is an error that lists everything that is wrong, not only the first.
type Problems []Problem

// Error gives one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return "domain: " + strings.Join(lines, "\n")
}

// err gives nil for no problems; a Problems(nil) in an error would not be nil.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// nearest gives the word that is closest to a misspelt one, or "" when none is near.
func nearest(word string, words []string) string {
	best, dist := "", 1+len(word)/2
	for _, w := range words {
		if d := editDistance(word, w); d < dist {
			best, dist = w, d
		}
	}
	return best
}

// didYouMean ends a message about an unknown word.
func didYouMean(word string, words []string) string {
	if n := nearest(word, words); n != "" {
		return fmt.Sprintf("; did you mean %s?", n)
	}
	return "; known are " + strings.Join(words, ", ")
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			sub := prev
			if a[i] != b[j] {
				sub++
			}
			prev = row[j+1]
			row[j+1] = min(sub, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
