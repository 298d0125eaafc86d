package ifeval

// The parts of the sentences that Compose writes. No part has a comma, a capital beyond the first letter, or a word that is
// all capitals (such as A or I), so that a text breaks an instruction only where Compose means to.
var (
	subjects = []string{"Many people", "Most families", "Some children", "Our neighbours", "The old teachers", "Young workers", "Good friends",
		"The two sisters", "These villages", "Few visitors", "Both brothers", "Busy parents", "Quiet guests", "The farmers", "My cousins",
		"Other towns"}
	verbs = []string{"talk about", "learn about", "think of", "ask about", "read about", "write about", "dream of", "care about", "sing about",
		"laugh about", "know enough about", "hear about"}
	tails = []string{"in the morning", "after school", "on quiet days", "with much joy", "in their own way", "for a long time", "by the river",
		"before dinner", "during the winter", "with their friends", "at the market", "when it rains", "near the window", "on the way home"}
	objects = []string{"it", "this", "the past", "such things", "old stories", "the good parts", "new ideas", "the future"}
	blanks  = []string{"name", "place", "date", "city", "school", "street", "friend", "month", "team", "color", "number", "animal"}
	nouns   = []string{"garden", "bridge", "lamp", "winter", "music", "paper", "window", "coffee", "river", "letter", "market", "stone", "forest",
		"kitchen", "summer", "doctor", "island", "mirror", "silver", "pencil"}
)

// letterWords have a letter that a text should have more often at least twice.
var letterWords = map[rune][]string{
	'a': {"a bazaar", "bananas", "an alpaca"}, 'b': {"bubbles", "rabbits", "hobbies"}, 'c': {"circles", "coconuts", "bicycles"},
	'd': {"puddings", "ladders", "riddles"}, 'e': {"evergreens", "sweepers", "needles"}, 'f': {"coffee", "toffee", "fluff"},
	'g': {"giggles", "goggles", "luggage"}, 'h': {"highchairs", "hedgehogs", "thatch"}, 'i': {"civilities", "kiwis", "minibikes"},
	'j': {"jujubes", "jolly jackets", "jumpy jungles"}, 'k': {"knickknacks", "kiosks", "kayaks"}, 'l': {"lullabies", "lollipops", "gallops"},
	'm': {"mammals", "mushrooms", "summers"}, 'n': {"cannons", "onions", "penguins"}, 'o': {"cocoon", "cookbooks", "pools"},
	'p': {"puppets", "peppers", "pipes"}, 'q': {"quick quilts", "quick questions", "quiet queues"}, 'r': {"mirrors", "carriers", "rivers"},
	's': {"compasses", "grasses", "senses"}, 't': {"tents", "tattoos", "kittens"}, 'u': {"unusual suits", "cucumbers", "sunny tulips"},
	'v': {"velvet vests", "valves", "vivid views"}, 'w': {"windows", "wildflowers", "willows"}, 'x': {"boxes in taxis", "six foxes", "exact extras"},
	'y': {"yoyos", "yearly days", "yellow toys"}, 'z': {"puzzles", "dizzy lizards", "pizzas"},
}

// lipograms leave out one letter or another of those that hardly any sentence lacks.
var lipograms = []string{"Our dog is big and kind.", "The dog runs home by noon.", "He put the red cup on the shelf.",
	"We read aloud each day at school.", "The cat had a nap in the sun.", "Birds fly high in warm air.", "We all can bring good food along.",
	"The moon is bright tonight.",
	"Big ships go far.", "She feels fine here.", "All had fun.", "Try my dry rhythm.", "Who took our lamp?"}

// stock are sentences in other languages than English, for ResponseLanguage.
var stock = []struct {
	code, name string
	sentences  []string
}{
	{"de", "German", []string{"Heute ist ein schöner Tag und wir gehen in den Garten.", "Die Kinder spielen auf der Straße und lachen sehr viel.",
		"Meine Mutter hat ein neues Buch über die Geschichte der Stadt.", "Wir haben nicht immer Zeit für das Essen mit der Familie.",
		"Im Winter sind die Tage kurz und die Nächte lang.", "Er war gestern bei uns und hat eine Stunde erzählt.",
		"Nach der Arbeit fahre ich mit dem Rad durch den Wald.", "Es gibt hier auch einen kleinen Laden mit frischem Brot.",
		"Alle wollen wissen wie das Spiel am Abend ausgeht.", "Das Wasser im See ist noch zu kalt für uns."}},
	{"es", "Spanish", []string{"Hoy es un día muy bonito y vamos a la playa.", "Los niños juegan en la calle con sus amigos.",
		"Mi madre tiene un libro sobre la historia de la ciudad.", "No siempre tenemos tiempo para comer con la familia.",
		"En el invierno los días son cortos y las noches son largas.", "Ayer él estaba con nosotros y nos contó una historia.",
		"Después del trabajo voy por el bosque con mi perro.", "Aquí hay también una tienda con pan muy bueno.",
		"Todos quieren saber cómo termina el partido de esta noche.", "El agua del lago todavía está muy fría para nosotros."}},
	{"fr", "French", []string{"Aujourd'hui il fait très beau et nous allons au jardin.", "Les enfants sont dans la rue avec leurs amis.",
		"Ma mère a un livre sur la vie des gens de la ville.", "Nous avons toujours du temps pour la famille.",
		"Les nuits de cet hiver sont plus longues que les jours.", "Il était avec nous et il nous a dit une belle histoire.",
		"Le soir elle va dans la forêt avec son chien.", "Il y a aussi du bon pain dans cette petite rue.",
		"Tout le monde veut savoir comment cela va finir.", "Mais c'est une belle journée pour nous et pour vous."}},
	{"it", "Italian", []string{"Oggi è una bella giornata e siamo nel giardino della nonna.", "I bambini giocano nella strada con gli amici.",
		"Mia madre ha un libro sulla storia della nostra città.", "Non abbiamo sempre tempo per mangiare con la famiglia.",
		"In questo inverno le notti sono più lunghe dei giorni.", "Lui era con noi e ci ha detto una cosa molto bella.",
		"Dopo il lavoro vado nel bosco con il mio cane.", "Qui c'è anche un negozio con il pane fresco.",
		"Tutti vogliono sapere come finisce la partita di questa sera.", "L'acqua del lago è ancora troppo fredda per noi."}},
	{"pt", "Portuguese", []string{"Hoje é um dia muito bonito e nós vamos ao jardim.", "As crianças estão na rua com os seus amigos.",
		"A minha mãe tem um livro sobre a história da cidade.", "Nós não temos sempre tempo para a família.",
		"Neste inverno as noites são mais longas do que os dias.", "Ele estava com a gente e nos disse uma coisa muito boa.",
		"Depois do trabalho eu vou pela floresta com o meu cão.", "Aqui também há uma loja que tem um pão muito bom.",
		"Todas as pessoas já sabem quando isso foi feito.", "A água do lago ainda não está boa para você."}},
}
