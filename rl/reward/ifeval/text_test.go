package ifeval

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"One. Two! Three?", []string{"One.", "Two!", "Three?"}},
		{"one. two. three", []string{"one.", "two.", "three"}},
		{"Dr. Smith paid 3.50 dollars. He left.", []string{"Dr. Smith paid 3.50 dollars.", "He left."}},
		{"J. R. Hartley wrote it.", []string{"J. R. Hartley wrote it."}},
		{"It was I. He agreed.", []string{"It was I.", "He agreed."}},
		{"He said \"Go.\" Then he went.", []string{"He said \"Go.\"", "Then he went."}},
		{"Wait... what? No... No.", []string{"Wait... what?", "No...", "No."}},
		{"Really?! Yes!!", []string{"Really?!", "Yes!!"}},
		{"1. First item.\n2. Second item.", []string{"1. First item.", "2. Second item."}},
		{"It was in 1999. Then it ended.", []string{"It was in 1999.", "Then it ended."}},
		{"Apples, pears, etc. are fruit. Buy apples etc. They are good.", []string{"Apples, pears, etc. are fruit.", "Buy apples etc.",
			"They are good."}},
		{"A line\nwithout an end\n\nand more", []string{"A line\nwithout an end\n\nand more"}},
		{"यह एक है। यह दो है।", []string{"यह एक है।", "यह दो है।"}},
		{"See example.com for more.", []string{"See example.com for more."}},
		{"... !!! ???", nil},
		{"", nil},
	} {
		if diff := cmp.Diff(c.want, Sentences(c.text)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Don't stop, well-known_word 3.5!", []string{"Don", "t", "stop", "well", "known_word", "3", "5"}},
		{"हिन्दी में", []string{"हिन्दी", "में"}},
		{" -- ", []string{}},
	} {
		if diff := cmp.Diff(c.want, Words(c.text)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func TestCapitalWords(t *testing.T) {
	want := []string{"I", "U.S.", "DON'T", "WELL-KNOWN", "A1", "AND/OR"}
	if diff := cmp.Diff(want, capitalWords("I live in the U.S. and DON'T like WELL-KNOWN places, Aa A1 AND/OR b2, 42")); diff != "" {
		t.Error(diff)
	}
}
