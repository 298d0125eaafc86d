package answer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		source           Source
	}{
		{"a box", `So we get $\boxed{12}$.`, "12", Boxed},
		{"nested braces", `\boxed{\frac{1}{2}}`, `\frac{1}{2}`, Boxed},
		{"a set in a box", `\boxed{\{1, 2\}}`, `\{1, 2\}`, Boxed},
		{"a space before the brace", `\boxed {7}`, "7", Boxed},
		{"the last box", `\boxed{3}. No, wait. \boxed{4}`, "4", Boxed},
		{"a box that does not end", `\boxed{3} and \boxed{4`, "3", Boxed},
		{"boxes side by side", `$\boxed{3}$ and $\boxed{4}$.`, "3, 4", Boxed},
		{"three boxes", `\boxed{1}, \boxed{2} \quad \text{or} \quad \boxed{3}`, "1, 2, 3", Boxed},
		{"boxes that are apart", `\boxed{1} is too small, so \boxed{2}, \boxed{3}`, "2, 3", Boxed},
		{"a box in a box", `\boxed{\boxed{5}}`, "5", Boxed},
		{"an empty box", `\boxed{3} and \boxed{}`, "3", Boxed},
		{"fbox", `\fbox{9}`, "9", Boxed},
		{"four hashes", "7+5=12\n#### 12", "12", Marked},
		{"four hashes and more text", "#### 1,234\nThat is all.", "1,234", Marked},
		{"the last hashes", "#### 3\n#### 4\n", "4", Marked},
		{"a heading of five hashes", "##### Step 1\n#### 4", "4", Marked},
		{"empty hashes", "#### 4\n####\n", "4", Marked},
		{"a box behind hashes", "#### \\boxed{5}", "5", Boxed},
		{"hashes after a box", "\\boxed{5}\n#### 6", "6", Marked},
		{"a box after hashes", "#### 6\n\\boxed{5}", "5", Boxed},
		{"a phrase", "The answer is 12.", "12", Phrase},
		{"a phrase with a decimal", "The answer is 3.5. I am sure.", "3.5", Phrase},
		{"a phrase with a colon", "Final answer: 12 dollars", "12 dollars", Phrase},
		{"bold", "**Answer:** 12", "12", Phrase},
		{"a bold value", "The final answer is **12**.", "12", Phrase},
		{"the last phrase", "The answer is 3. Hmm. The answer is 4.", "4", Phrase},
		{"a phrase and a number after it", "The answer is 12. It took 3 steps.", "12", Phrase},
		{"a question about the answer", "What answer could it be? 7", "7", LastNumber},
		{"a last number", "I counted 3 and 4, so 7", "7", LastNumber},
		{"a last number with separators", "That makes 1,234.", "1,234", LastNumber},
		{"a last number below zero", "It is -3", "-3", LastNumber},
		{"a difference", "10-3", "3", LastNumber},
		{"a difference with spaces", "10 - 3", "3", LastNumber},
		{"a fraction", "so 3/4", "3/4", LastNumber},
		{"a decimal", "so .5", ".5", LastNumber},
		{"a percentage", "about 20%", "20%", LastNumber},
		{"nothing", "I do not know.", "", ""},
		{"empty", "", "", ""},
	} {
		got, ok := Extract(c.text)
		if ok != (c.source != "") || got.Text != c.want || got.Source != c.source {
			t.Errorf("%s: Extract(%q) is %+v, %t; want %q from %q", c.name, c.text, got, ok, c.want, c.source)
		}
	}
}

// TestExtractOffset says where the answer was stated.
func TestExtractOffset(t *testing.T) {
	got, _ := Extract("a\n#### 4")
	if diff := cmp.Diff(Answer{Text: "4", Source: Marked, Offset: 2}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzExtract holds that an answer is a part of the text, and not empty.
func FuzzExtract(f *testing.F) {
	for _, s := range []string{`\boxed{12}`, "#### 3", "The answer is 4.", "so 5", `\boxed{\boxed{`, "#########", "answer is answer is"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := Extract(s)
		if ok && (a.Text == "" || a.Offset < 0 || a.Offset >= len(s) || a.Source == "") {
			t.Errorf("Extract(%q) is %+v", s, a)
		}
	})
}

// FuzzEqual holds that every answer is equal to itself and that nothing panics, hangs or makes a wrong number right.
func FuzzEqual(f *testing.F) {
	for _, s := range []string{
		"12", `\frac{1}{2}`, `2\sqrt3`, `\{1,2\}`, `(1,2]`, `x^2+2x+1`, `\begin{pmatrix}1&2\\3&4\end{pmatrix}`, "1,234.5%", `\pm 2`, "5 cm", `\log_2 8`,
		`\sin^2 x`, `|x-1|`, "y=2x", "1<x<2", "3:2", "0.\\overline{3}", "10^{10^{10}}", "2 1/2", "-$5", `\text{or}`, "a_{1", `\left(`, "5!!", "1e400", "½²",
	} {
		f.Add(s, "12")
	}
	f.Fuzz(func(t *testing.T, gold, predicted string) {
		Equal(gold, predicted, Options{})
		Equal(predicted, gold, Options{Question: gold})
		if v := Equal("8713", predicted, Options{}); v.Correct {
			if w := Equal("8714", predicted, Options{}); w.Correct {
				t.Errorf("%q is 8713 by %s (%s) and 8714 by %s (%s)", predicted, v.Rule, v.Why, w.Rule, w.Why)
			}
		}
	})
}
