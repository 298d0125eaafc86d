package live

import (
	"regexp"
	"strconv"
)

// basicPrograms are the dialogues on server-everything, which has no state.
var basicPrograms = []*program{
	{name: "sum", kind: "single_call", difficulty: 1, run: sum, uses: []string{"get-sum"}, criteria: []string{"The sum is told."}},
	{name: "sums", kind: "dependent_calls", difficulty: 2, run: sums, uses: []string{"get-sum"}, criteria: []string{"The sum of all numbers is told.", "Each sum is made by the tool."}},
	{name: "echo", kind: "single_call", difficulty: 1, run: echo, uses: []string{"echo"}, criteria: []string{"The echo is told word for word."}},
	{name: "weather", kind: "parallel_calls", difficulty: 2, run: weather, uses: []string{"get-structured-content"}, criteria: []string{"The values of all cities are told."}},
	{name: "no_city", kind: "impossible_request", difficulty: 2, run: noCity, uses: []string{"get-structured-content"}, criteria: []string{"The user hears that there is no data on the city.", "The city that there is data on is answered."}},
}

// sumPattern is what the tool get-sum says.
var sumPattern = regexp.MustCompile(`^The sum of \S+ and \S+ is (-?[0-9]+)\.$`)

func (st *stage) sum(a, b int) int {
	text := st.call("get-sum", args{"a", a, "b", b})
	m := sumPattern.FindStringSubmatch(text)
	st.fit(m != nil, "the sum reads %.200q", text)
	n, err := strconv.Atoi(m[1])
	st.fit(err == nil, "the sum reads %.200q", text)
	return n
}

func sum(st *stage) {
	a, b := 100+st.r.IntN(90000), 100+st.r.IntN(90000)
	st.fact(strconv.Itoa(a + b))
	st.start()
	v := vars{"a": strconv.Itoa(a), "b": strconv.Itoa(b), "item": draw(st.r, items)}
	st.user(v, "what is {a} plus {b}?", "[please|] add {a} and {b}.", "we had {a} {item} in stock and got {b} more. How many is that?")
	v["n"] = strconv.Itoa(st.sum(a, b))
	st.assistant(v, "{a} plus {b} is {n}.", "that makes {n}.", "the sum is {n}.")
}

func sums(st *stage) {
	a, b, c := 10+st.r.IntN(9000), 10+st.r.IntN(9000), 10+st.r.IntN(9000)
	st.fact(strconv.Itoa(a + b + c))
	st.start()
	v := vars{"a": strconv.Itoa(a), "b": strconv.Itoa(b), "c": strconv.Itoa(c), "who": draw(st.r, people), "firm": draw(st.r, firms)}
	st.user(v, "[add up|what is the sum of] {a}, {b} and {c}[, please|]?", "{firm} sent three invoices: {a}, {b} and {c}. What do we owe in total?", "{who} walked {a}, {b} and {c} steps on three days. How many altogether?")
	v["n"] = strconv.Itoa(st.sum(st.sum(a, b), c))
	st.assistant(v, "the total is {n}.", "{a}, {b} and {c} make {n}.", "altogether {n}.")
}

func echo(st *stage) {
	message := say(st.r, []string{"{who} tests the line to {firm}", "{n} {item} for {firm}", "{event} in {city}", "greetings from {city} to {who}"},
		vars{"who": draw(st.r, people), "firm": draw(st.r, firms), "item": draw(st.r, items), "event": draw(st.r, events), "city": draw(st.r, cities), "n": strconv.Itoa(2 + st.r.IntN(500))})
	st.fact("Echo: " + message)
	st.start()
	v := vars{"message": message}
	st.user(v, `[please|] send this through the echo tool and tell me exactly what comes back: "{message}"`, `does the echo work? Try "{message}" [and give me the answer word for word|and quote the reply].`)
	v["echo"] = st.call("echo", args{"message", message})
	st.assistant(v, `it came back as "{echo}".`, `the tool answers: {echo}`, `[it works|yes]: "{echo}"`)
}

// forecast is what get-structured-content returns.
type forecast struct {
	Temperature float64 `json:"temperature"`
	Conditions  string  `json:"conditions"`
	Humidity    float64 `json:"humidity"`
}

// stations are the cities of the tool and what it says of them, which its source fixes.
var stations = map[string]forecast{"New York": {33, "Cloudy", 82}, "Chicago": {36, "Light rain / drizzle", 82}, "Los Angeles": {73, "Sunny / Clear", 48}}

var stationNames = []string{"New York", "Chicago", "Los Angeles"}

func weather(st *stage) {
	where := several(st.r, stationNames, 2+st.r.IntN(2))
	for _, c := range where {
		st.fact(c)
		st.fact(number(stations[c].Temperature))
		st.fact(stations[c].Conditions)
	}
	st.start()
	v := vars{"cities": list(where)}
	st.user(v, "what is the weather in {cities}?", "[temperature and conditions for|how is the weather in] {cities}, please.", "I am travelling to {cities}. How warm is it there, and what are the conditions?")
	var asks []ask
	for _, c := range where {
		asks = append(asks, ask{"get-structured-content", args{"location", c}})
	}
	var parts []string
	for i, text := range st.all("", asks...) {
		var f forecast
		decodeText(st, text, &f)
		parts = append(parts, say(st.r, []string{"{t} degrees and {c} in {city}"}, vars{"t": number(f.Temperature), "c": f.Conditions, "city": where[i]}))
	}
	v["parts"] = list(parts)
	st.assistant(v, "{parts}.", "[the tool says|right now]: {parts}.", "here it is: {parts}.")
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func noCity(st *stage) {
	without, with := draw(st.r, cities), draw(st.r, stationNames)
	st.fact("no data")
	st.fact(number(stations[with].Temperature))
	st.start()
	v := vars{"city": without, "with": with}
	st.user(v, "how warm is it in {city} and in {with}?", "[what is|tell me] the temperature in {with}, and in {city} too[, please|]?", "compare the temperatures of {city} and {with}[ for me|].")
	var f forecast
	decodeText(st, st.call("get-structured-content", args{"location", with}), &f)
	v["t"] = number(f.Temperature)
	st.assistant(v, "in {with} it is {t} degrees. For {city} there is no data, the tool only knows New York, Chicago and Los Angeles.", "I have no data on {city}; my tool covers New York, Chicago and Los Angeles only. {with} has {t} degrees.", "{with}: {t} degrees. There is no data for {city}, I am afraid.")
}
