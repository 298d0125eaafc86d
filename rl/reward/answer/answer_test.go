package answer

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestPairs holds every pair of testdata/pairs.txt against its verdict.
func TestPairs(t *testing.T) {
	data, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	pairs, equal := 0, 0
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " :: ")
		if len(f) != 4 || f[0] != "=" && f[0] != "!" {
			t.Fatalf("line %d: %q is not verdict, gold, prediction and reason", i+1, line)
		}
		pairs++
		if f[0] == "=" {
			equal++
		}
		if v := Equal(f[1], f[2], Options{}); v.Correct != (f[0] == "=") {
			t.Errorf("line %d: gold %q, prediction %q: correct is %t by %s (%s); %s", i+1, f[1], f[2], v.Correct, v.Rule, v.Why, f[3])
		}
		if v := Equal(f[1], f[1], Options{}); !v.Correct {
			t.Errorf("line %d: gold %q is not itself: %s", i+1, f[1], v.Why)
		}
	}
	if pairs < 300 || equal < 150 || pairs-equal < 100 {
		t.Errorf("%d pairs, %d of them equal", pairs, equal)
	}
	t.Logf("%d pairs, %d equal and %d not", pairs, equal, pairs-equal)
}

// TestOptions lifts the rule of evaluation and adds that of the question.
func TestOptions(t *testing.T) {
	const question = "Expand $(x+1)^2$. What is 12*7+3? Simplify \\frac{4}{8}."
	for _, c := range []struct {
		gold, predicted string
		o               Options
		want            bool
		rule            Rule
	}{
		{"87", "12*7+3", Options{Unevaluated: true}, true, RuleNumber},
		{"87", "12*7+4", Options{Unevaluated: true}, false, RuleNumber},
		{"1/2", "4/8", Options{Unevaluated: true}, true, RuleNumber},
		{"5\\sqrt{3}", "\\sqrt{27}+\\sqrt{12}", Options{Unevaluated: true}, true, RuleForm},
		{"1/2", "\\sin 30^\\circ", Options{Unevaluated: true}, true, RulePoints},
		{"87", "12*7+3", Options{}, false, RuleUnsaid},
		{"x^2+2x+1", "(x+1)^2", Options{}, true, RuleForm},
		{"x^2+2x+1", "(x+1)^2", Options{Question: question}, false, RuleRestate},
		{"x^2+2x+1", "x^2+2x+1", Options{Question: question}, true, RuleSame},
		{"x^2+2x+1", "1+2x+x^2", Options{Question: question}, true, RuleForm},
		{"(x+1)^2", "(x + 1)^2", Options{Question: question}, true, RuleSame},
		{"87", "12*7+3", Options{Question: question, Unevaluated: true}, false, RuleRestate},
		{"12", "12", Options{Question: question}, true, RuleSame},
		{"0.75", "3/4", Options{Question: "Take 3/4 of 1."}, true, RuleNumber},
		{`5\text{ cm}`, "5 cm", Options{Question: "A line of 5 cm is as long as itself."}, true, RuleSame},
		{`5\text{ cm}`, "5cm", Options{Question: "A line of 5cm is as long as itself."}, true, RuleSame},
		{`5.0\text{ cm}`, "5cm", Options{Question: "A line of 5cm is as long as itself."}, true, RuleNumber},
	} {
		if v := Equal(c.gold, c.predicted, c.o); v.Correct != c.want || v.Rule != c.rule {
			t.Errorf("Equal(%q, %q, %+v) is %+v, want %t by %s", c.gold, c.predicted, c.o, v, c.want, c.rule)
		}
	}
}

// TestHostile gives predictions that are made to hang, to use up memory or to be right for everything.
func TestHostile(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	list := "0"
	for range 60 {
		list += ", 7"
	}
	for name, predicted := range map[string]string{
		"empty":              "",
		"white space":        " \n\t",
		"tower of powers":    "10^{10^{10}}",
		"tall tower":         many("9^{", 30) + "9" + many("}", 30),
		"factorials":         "9!!!!!!!!",
		"large exponent":     "2^{999999999999999999999}",
		"large numeral":      many("9", 1900),
		"exponent of text":   "1e999999999",
		"deep brackets":      many("(", 900) + "7" + many(")", 900),
		"deep signs":         many("-", 1500) + "7",
		"deep fractions":     many(`\frac1{`, 200) + "7" + many("}", 200),
		"large product":      "7" + many("*(a+b+c+d+f+g+h)", 100),
		"large polynomial":   "(a+b+c+d+f+g+h+k)^{9999}",
		"many roots":         many(`\sqrt{`, 100) + "7" + many("}", 100),
		"many functions":     many(`\sin(\cos(`, 20) + "7" + many("))", 20),
		"cancelled":          "7+10^{90}+\\sin 1-10^{90}-\\sin 1",
		"long":               many("7 ", 5000),
		"list":               list,
		"not a number":       "NaN",
		"infinite":           `\infty`,
		"division by zero":   "7/(1-1)",
		"zero width":         "7\u200b",
		"line breaks":        "6\n7",
		"other digits":       "७",
		"every number":       `\mathbb{R}`,
		"interval":           "[0, 100]",
		"inequality":         "x < 100",
		"plus minus":         "7 \\pm 0",
		"text in text":       many(`\text{`, 300) + "7" + many("}", 300),
		"unclosed":           `\text{7`,
		"gold plus nothing":  "7 + 0",
		"boxed twice":        `\boxed{7} \boxed{8}`,
		"binomials":          `\binom{1000}{500}`,
		"nested roots index": `\sqrt[99999999999]{7}`,
	} {
		start := time.Now()
		for _, gold := range []string{"7", `\sqrt{7}`, "x+7", "(1,7)", "{6}, {8}"} {
			if v := Equal(gold, predicted, Options{}); v.Correct {
				t.Errorf("%s: correct for %s by %s (%s)", name, gold, v.Rule, v.Why)
			}
		}
		if d := time.Since(start); d > 2*time.Minute {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// TestPure compares the verdicts of repeated calls.
func TestPure(t *testing.T) {
	for range 3 {
		if v, w := Equal(`\sin 2x`, `2\sin x\cos x`, Options{}), Equal(`\sin 2x`, `2\sin x\cos x`, Options{}); v != w || !v.Correct {
			t.Fatalf("%+v, then %+v", v, w)
		}
	}
}
