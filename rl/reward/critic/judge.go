package critic

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"

	"muonclip/data/chat"
)

// Chooser is a model whose probabilities can be read: our own, in this process.
type Chooser interface {
	// LogProbs returns for each choice the log-probability that the assistant's next turn begins with it. It is safe for
	// concurrent use.
	LogProbs(ctx context.Context, messages []chat.Message, choices []string) ([]float64, error)
}

// Writer is a model that writes the assistant's next turn, such as endpoint.Writer. It is safe for concurrent use.
type Writer interface {
	Write(ctx context.Context, messages []chat.Message) (string, error)
}

// ChoiceJudge compares by the log-probabilities of the answers A and B. It needs no generation, and gives a preference even
// where the model is far from writing either.
type ChoiceJudge struct{ Model Chooser }

// Compare implements Judge.
func (j ChoiceJudge) Compare(ctx context.Context, p Prompt, first, second string, r Rubric) (Preference, error) {
	l, err := j.Model.LogProbs(ctx, Question(p, first, second, r), []string{"A", "B"})
	if err != nil {
		return Preference{}, err
	}
	if len(l) != 2 {
		return Preference{}, fmt.Errorf("critic: %d log-probabilities of 2 answers", len(l))
	}
	// An answer that is impossible (-Inf) decides; two of them, or NaN, leave the quotient undefined.
	share := 1 / (1 + math.Exp(l[1]-l[0]))
	if math.IsNaN(share) || max(l[0], l[1]) > 1e-3 {
		return Preference{}, fmt.Errorf("critic: the log-probabilities of A and B are %v", l)
	}
	return Preference{First: share, Evidence: fmt.Sprintf("log P(A) %.3f, log P(B) %.3f", l[0], l[1])}, nil
}

// TextJudge compares by what a model writes.
type TextJudge struct{ Model Writer }

// Compare implements Judge. An answer that names neither response, or both, is an error.
func (j TextJudge) Compare(ctx context.Context, p Prompt, first, second string, r Rubric) (Preference, error) {
	text, err := j.Model.Write(ctx, Question(p, first, second, r))
	if err != nil {
		return Preference{}, err
	}
	share, err := ParseVerdict(text)
	return Preference{First: share, Evidence: "says " + clip(text)}, err
}

var (
	verdictLetter = regexp.MustCompile(`\b[AB]\b`)
	verdictTie    = regexp.MustCompile(`(?i)\b(tie|tied|equal|equally|neither|both)\b`)
)

// ParseVerdict reads a written verdict: 1 for A, 0 for B, 0.5 for a tie. The answer may be the letter alone or stand in a
// sentence, as long as only one letter does; of several lines the last one with a letter decides.
func ParseVerdict(text string) (float64, error) {
	lines := strings.Split(text, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		var a, b bool
		for _, letter := range verdictLetter.FindAllString(lines[i], -1) {
			a, b = a || letter == "A", b || letter == "B"
		}
		switch tie := verdictTie.MatchString(lines[i]); {
		case a && !b:
			return 1, nil
		case b && !a:
			return 0, nil
		case tie:
			return 0.5, nil
		case a && b:
			return 0, fmt.Errorf("critic: the verdict names both responses: %s", clip(text))
		}
	}
	return 0, fmt.Errorf("critic: the verdict names no response: %s", clip(text))
}

// clip shows at most 80 runes of a text.
func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		s = string(r[:80]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
