package ifenv

// requests are what generated tasks ask for, %s being the topic. None has a comma or a word in capitals.
var requests = []string{
	"Write a short text about %s.", "Tell me something about %s.", "Write a few lines about %s for a friend.", "Please write about %s.",
	"Describe %s to a child.", "Write what people think of %s.", "Give me a short note about %s.", "Write down why people care about %s.",
}

// topics are plural nouns.
var topics = []string{
	"trains", "gardens", "kites", "lamps", "ships", "books", "songs", "drums", "hats", "maps", "clouds", "birds", "cats", "horses", "apples",
	"pears", "onions", "cakes", "soups", "rooms", "doors", "stairs", "roofs", "towers", "bridges", "roads", "hills", "lakes", "islands",
	"beaches", "stars", "planets", "storms", "winters", "summers", "holidays", "schools", "teachers", "doctors", "farmers", "bakers",
	"painters", "dancers", "games", "puzzles", "jokes", "letters", "stamps", "coins", "clocks", "phones", "radios", "bicycles", "boats",
	"engines", "tools", "shoes", "coats", "gloves", "blankets",
}
