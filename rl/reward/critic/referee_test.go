package critic

import "testing"

func TestInitialPraise(t *testing.T) {
	for _, s := range []string{
		"Great question! Trains are fast.", "That's a beautiful question. Trains", "What a fantastic idea!",
		"What a really interesting topic to think about.",
		"Good question.", "I love this question!", "You've asked a very thoughtful question.", "You're absolutely right, trains are fast.",
		"Wow, what a great topic.", "**Excellent question!**", "Thank you for such a thoughtful question.",
		"Ah, that is an excellent and deep question.",
		"You’ve raised an important point.", "\n\"Great point\" is what I say.", "Kudos for asking.",
	} {
		if _, found := InitialPraise(s); !found {
			t.Errorf("%q was not found", s)
		}
	}
	for _, s := range []string{
		"Trains are fast. Great question!", "Great Britain has many trains.", "That is a long story.", "The question of speed is old.",
		"Good trains are clean.",
		"I like trains because they are slow.", "You can go by train.", "It is a good train.", "What a train needs is coal.",
		"Thank you for the ticket.",
		"Interesting facts about trains follow.", "", "Perfect weather is rare.", "Yes, it works.",
	} {
		if what, found := InitialPraise(s); found {
			t.Errorf("%q: %q was found", s, what)
		}
	}
}

func TestSelfJustification(t *testing.T) {
	for _, s := range []string{
		"Trains are fast. This response fully addresses the question.", "I have made sure that no comma is used.",
		"This answer is concise and complete.",
		"I ensured that all words are small.", "The poem above meets all your requirements.", "It follows all of the instructions.",
		"This is exactly what you asked for, as the above text effectively shows.",
		"I carefully wrote every line.", "My essay successfully captures the mood.", "This approach ensures clarity.",
		"It is short, just as you requested.",
	} {
		if _, found := SelfJustification(s); !found {
			t.Errorf("%q was not found", s)
		}
	}
	for _, s := range []string{
		"This story is about a boy and his dog.", "The train follows the river.", "In this essay I write about trains.",
		"The law meets the needs of the poor.",
		"The list has three parts.", "She made sure that the door was closed.", "You asked for a poem about trains.",
		"Follow the instructions of the driver.", "",
		"This letter was sent in May.", "I have two dogs.",
	} {
		if what, found := SelfJustification(s); found {
			t.Errorf("%q: %q was found", s, what)
		}
	}
}
