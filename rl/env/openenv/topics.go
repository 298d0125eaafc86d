package openenv

import (
	"fmt"

	"muonclip/data/chat"
	"muonclip/rl/reward/critic"
)

// requests are made from every topic, %s being the topic.
var requests = []string{
	"What do you find worth knowing about %s?", "Write a short scene in which %s matters.", "Explain %s to somebody who has never heard of it.",
	"My friend thinks %s is a waste of time. What could I say?", "Give me some advice on %s.", "Write four lines of verse about %s.",
}

var topics = []string{
	"gardening in a small space", "learning to swim as an adult", "moving to another town", "keeping a diary", "baking bread", "mending old clothes",
	"long walks", "a rainy holiday", "writing letters by hand", "the first day at a new job", "saying no", "cooking for many guests",
	"living without a car",
	"playing chess", "early mornings", "borrowing books", "a noisy neighbour", "teaching a dog", "forgetting names", "travelling by night train",
}

// builtIn is every request about every topic.
func builtIn() []critic.Prompt {
	var all []critic.Prompt
	for _, topic := range topics {
		for _, r := range requests {
			all = append(all, critic.Prompt{{Role: chat.RoleUser, Content: fmt.Sprintf(r, topic)}})
		}
	}
	return all
}
