package answer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
)

// gsm8k reads the question and the worked solution of every problem of GSM8K's test set.
func gsm8k(t *testing.T) (questions, solutions []string) {
	t.Helper()
	f, err := os.Open("../../../../shared/data/gsm8k/test.jsonl")
	if err != nil {
		t.Skip("GSM8K is not here:", err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var row struct{ Question, Answer string }
		if err := json.Unmarshal(in.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		questions, solutions = append(questions, row.Question), append(solutions, row.Answer)
	}
	return questions, solutions
}

// TestGSM8K holds every gold answer of GSM8K's test set against itself in other notations, all of which are correct, and
// against other numbers, none of which is.
func TestGSM8K(t *testing.T) {
	questions, solutions := gsm8k(t)
	if len(questions) != 1319 {
		t.Fatalf("%d problems, want 1319", len(questions))
	}
	equal, unequal := 0, 0
	for i, solution := range solutions {
		a, ok := Extract(solution)
		_, gold, _ := strings.Cut(solution, "#### ")
		if !ok || a.Source != Marked || a.Text != gold {
			t.Errorf("problem %d: extracted %+v, want %q", i, a, gold)
		}
		plain := strings.ReplaceAll(gold, ",", "")
		n, ok := new(big.Int).SetString(plain, 10)
		if !ok {
			t.Fatalf("problem %d: the gold answer %q is not a whole number", i, gold)
		}
		for _, same := range []string{
			gold, plain, grouped(plain), plain + ".", plain + ".0", plain + ".00", "$" + gold, `\$` + plain, "$" + plain + "$", `\boxed{` + plain + "}",
			"x = " + plain, plain + " dollars", plain + " eggs per day", `\text{` + plain + "}", `\mathbf{` + gold + "}", "(" + plain + ")", plain + `\text{ cm}`,
		} {
			equal++
			if v := Equal(gold, same, Options{Question: questions[i]}); !v.Correct {
				t.Errorf("problem %d: gold %q, prediction %q: %s", i, gold, same, v.Why)
			}
		}
		for what, other := range perturbed(n) {
			unequal++
			if v := Equal(gold, other, Options{Question: questions[i]}); v.Correct {
				t.Errorf("problem %d: gold %q, prediction %q (%s): correct by %s (%s)", i, gold, other, what, v.Rule, v.Why)
			}
		}
	}
	t.Logf("%d equal and %d unequal pairs", equal, unequal)
}

// grouped writes a whole number with separators of thousands.
func grouped(s string) string {
	sign := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if sign {
		s = "-" + s
	}
	return s
}

// perturbed makes answers that are other numbers than n, or no single evaluated number.
func perturbed(n *big.Int) map[string]string {
	s := n.String()
	plus := func(d int64) string { return new(big.Int).Add(n, big.NewInt(d)).String() }
	out := map[string]string{
		"one more": plus(1), "one less": plus(-1), "a hundred more": grouped(plus(100)), "a tenth more": s + ".1",
		"two answers": s + " or " + plus(1), "two answers, reversed": plus(1) + " and " + s, "a list": plus(1) + ", " + s + ", " + plus(2),
		"either sign": `\pm ` + s + ".5", "a sum": plus(-1) + "+1", "a condition": s + " if it rains",
		"a quotient": new(big.Int).Mul(n, big.NewInt(3)).String() + "/3",
		"nothing":    "", "a relation": "x > " + s, "half": fmt.Sprintf(`\frac{%s}{2} + \frac{%s}{2}`, s, s), "thousands": s + " thousand and one",
	}
	if n.Sign() != 0 {
		out["the other sign"] = new(big.Int).Neg(n).String()
		out["ten times"] = s + "0"
		out["a hundredth"] = fmt.Sprintf("%s%%", plus(1))
	}
	for i := 0; i+1 < len(s); i++ {
		if b := []byte(s); b[i] != '-' && b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			out[fmt.Sprintf("digits %d and %d swapped", i, i+1)] = string(b)
		}
	}
	return out
}
