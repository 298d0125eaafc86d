// Package critic is the self-critique rubric reward of Kimi K2 (arXiv 2507.20534, section 3.2.2 and appendix F): a model
// compares the responses to one prompt in pairs against rubrics, and who wins more earns more.
//
// A Judge answers which of two responses is better by a rubric. ChoiceJudge reads the answer from the log-probabilities of
// "A" and "B", which suits a small model in this process; TextJudge from what a model wrote, which suits an endpoint; Referee
// answers what code can decide and passes on the rest. Critic asks for every pair in both orders and makes scores from the
// answers. Refine turns rollouts whose verifiable reward is known into examples that the critic learns from, and Agree says
// how far the critic agrees with that reward; together they close the loop of section 3.2.2.
//
// What K2 did not publish is ours: the wording of the question, the equal weights of rubrics, the scores as win rates.
//
// A group is judged as a whole: where a judge fails, the error wraps reward.ErrUnavailable and nothing is known of any of its
// responses. To join the score with an episode's own components, a trainer takes what Subject gives for the K episodes of
// one key, calls Critic.Rank once, and appends Ranking.Component(i) to the components of episode i before composing them.
package critic

import (
	"context"

	"muonclip/data/chat"
)

// Prompt is what the responses answer: a dialogue that ends with a message of the user.
type Prompt []chat.Message

// Subject is an episode that a critic can judge.
type Subject interface {
	// Judged returns what was asked, and the response; empty where there was none.
	Judged() (messages []chat.Message, response string)
}

// Preference is what a judge says about two responses.
type Preference struct {
	First    float64 // how likely the first one is better, 0 to 1
	Evidence string
}

// Judge compares two responses to a prompt by a rubric. It is safe for concurrent use. It may prefer the first one for being
// first: Critic asks twice.
type Judge interface {
	Compare(ctx context.Context, p Prompt, first, second string, r Rubric) (Preference, error)
}
