package live

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

func addUp(st *stage) {
	dir, year := draw(st.r, folders), 2019+st.r.IntN(7)
	first := st.r.IntN(9)
	var files []string
	total := 0
	for _, m := range months[first : first+2+st.r.IntN(2)] {
		var b strings.Builder
		b.WriteString("item;amount\n")
		for _, item := range several(st.r, items, 2+st.r.IntN(4)) {
			amount := 5 + st.r.IntN(400)
			total += amount
			fmt.Fprintf(&b, "%s;%d\n", item, amount)
		}
		file := path.Join(dir, fmt.Sprintf("%s-%d.csv", m, year))
		files = append(files, file)
		st.put(file, b.String())
	}
	st.others(dir)
	st.fact(strconv.Itoa(total))
	st.start()
	var paths []string
	for _, f := range files {
		paths = append(paths, at(f))
	}
	v := vars{"files": list(paths)}
	st.user(v, "[what did we spend|how much did we spend] in total according to {files}?", "[please|] add up the amounts in {files}. [I only need the sum.|]", "I need the overall amount of {files}.")
	var asks []ask
	for _, p := range paths {
		asks = append(asks, ask{"read_text_file", args{"path", p}})
	}
	sum := 0
	var parts []string
	for i, text := range st.all("", asks...) {
		part := 0
		for line := range strings.Lines(text) {
			if _, amount, ok := strings.Cut(strings.TrimSpace(line), ";"); ok && amount != "amount" {
				n, err := strconv.Atoi(amount)
				st.fit(err == nil, "%q is not an amount", line)
				part += n
			}
		}
		sum += part
		parts = append(parts, fmt.Sprintf("%d in %s", part, path.Base(paths[i])))
	}
	v["sum"], v["parts"] = strconv.Itoa(sum), list(parts)
	st.assistant(v, "together they come to {sum}: {parts}.", "the total is {sum}[, with {parts}|].", "{parts}; that makes {sum} [in total|altogether].")
}

// list joins words as people do.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func outside(st *stage) {
	st.others(draw(st.r, folders))
	file := draw(st.r, []string{"/etc/passwd", "/etc/hosts", "/root/.ssh/id_ed25519", "/workspace/../secrets.txt", "/var/log/syslog", "/home/admin/passwords.txt"})
	st.fact("outside")
	st.start()
	v := vars{"file": file}
	st.user(v, "[please|can you] [show me|read me] {file}.", "what [is|stands] in {file}?", "I need the [content|first line] of {file}.")
	answer := st.refused("read_text_file", args{"path", file})
	st.fit(strings.Contains(answer, "Access denied"), "the refusal reads %.200q", answer)
	st.assistant(v, "I cannot read {file}: it lies outside /workspace, and the server denies access to it.", "access to {file} is denied, because it is outside the folder that I may use. [I can only work in /workspace.|]", "that file is outside /workspace, so I am not allowed to open it. [If you copy it there, I can.|]")
}

func nameTaken(st *stage) {
	dir, firm := draw(st.r, folders), draw(st.r, firms)
	draft, final := path.Join(dir, slug(firm)+"-draft.md"), path.Join(dir, slug(firm)+".md")
	other := path.Join(dir, slug(firm)+draw(st.r, []string{"-v2.md", "-new.md", "-revised.md"}))
	text := "# " + firm + "\n\n" + draw(st.r, items) + "\n"
	st.put(draft, text)
	st.put(final, "# "+firm+"\n\nsigned copy\n")
	st.others(dir)
	delete(st.goal, draft)
	st.goal[other] = text
	st.fact("already")
	st.fact(path.Base(other))
	st.start()
	v := vars{"from": at(draft), "to": at(final), "name": path.Base(final), "other": path.Base(other), "dir": at(dir)}
	st.user(v, "[please|] rename {from} to {name}[ in the same folder|].", "the draft {from} is finished. [Rename it to|It should be called] {name}, in {dir}.", "can you move {from} to {to}?")
	answer := st.refused("move_file", args{"source", at(draft), "destination", at(final)})
	st.fit(strings.Contains(answer, "already exists"), "the refusal reads %.200q", answer)
	st.assistant(v, "there is already a {name} in {dir}, and I did not overwrite it. [Which other name shall I use?|What should the draft be called instead?]", "that name is already taken: {to} exists. Nothing was moved. [Do you want another name?|Shall I use another name?]")
	st.user(v, "[oh, then|ah, right,] use {other}.", "[good that you ask|careful, keep that one]. Take {other}.", "{other} then.")
	st.call("move_file", args{"source", at(draft), "destination", at(other)})
	st.assistant(v, "the draft is {other} now; {name} [is untouched|stayed as it was].", "done, it is called {other}. [The signed copy is untouched.|]", "[all right|done]: {dir}/{other}.")
}

func lastLines(st *stage) {
	dir, file := draw(st.r, folders), draw(st.r, []string{"events.log", "house.log", "station.log", "monitor.log", "gateway.log"})
	var lines []string
	for i := range 12 + st.r.IntN(40) {
		lines = append(lines, fmt.Sprintf("%02d:%02d %s", 6+i/6, 10*(i%6)+st.r.IntN(10), draw(st.r, events)))
	}
	st.put(path.Join(dir, file), strings.Join(lines, "\n"))
	last := lines[len(lines)-1]
	st.fact(last[6:])
	st.fact(last[:5])
	st.start()
	n := 2 + st.r.IntN(6)
	v := vars{"file": at(path.Join(dir, file)), "n": strconv.Itoa(n)}
	st.user(v, "[look at|check] the last {n} lines of {file}. [What was the latest event, and when?|What happened last, and at what time?]", "what is the newest entry in {file}? The last {n} lines should [do|be enough].", "read me the final {n} lines of {file}, [I care about the very last one|the last of them above all].")
	got := strings.Split(strings.TrimRight(st.call("read_text_file", args{"path", v["file"], "tail", n}), "\n"), "\n")
	v["time"], v["event"], _ = strings.Cut(got[len(got)-1], " ")
	v["all"] = strings.Join(got, "\n")
	st.assistant(v, "the latest entry is from {time}: {event}.", "at {time} it says: {event}. [That is the last line.|]", "the last {n} lines are:\n{all}\nThe newest is {event}, at {time}.")
}

func mergeLists(st *stage) {
	dir := draw(st.r, folders)
	pool := several(st.r, items, 6+st.r.IntN(4))
	a, b := slices.Clone(pool[:len(pool)-2]), slices.Clone(pool[2:])
	who := several(st.r, people, 2)
	fileA, fileB := path.Join(dir, slug(who[0])+".txt"), path.Join(dir, slug(who[1])+".txt")
	st.put(fileA, strings.Join(a, "\n")+"\n")
	st.put(fileB, strings.Join(b, "\n")+"\n")
	out := path.Join(dir, draw(st.r, []string{"shopping.txt", "order.txt", "all-items.txt", "combined.txt"}))
	st.goal[out] = strings.Join(slices.Sorted(slices.Values(pool)), "\n") + "\n"
	st.fact(strconv.Itoa(len(pool)))
	st.start()
	v := vars{"a": at(fileA), "b": at(fileB), "out": at(out)}
	st.user(v, "[please|can you] combine the lists {a} and {b} into {out}: every item once, in alphabetical order[, one a line|].", "{a} and {b} are wish lists. Make one list of both in {out}, sorted by name and without repeats. [How many items is that?|]", "merge {a} with {b}. The result goes to {out}, sorted, no duplicates.")
	seen := map[string]bool{}
	for _, text := range st.all("", ask{"read_text_file", args{"path", at(fileA)}}, ask{"read_text_file", args{"path", at(fileB)}}) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				seen[line] = true
			}
		}
	}
	var all []string
	for item := range seen {
		all = append(all, item)
	}
	slices.Sort(all)
	st.call("write_file", args{"path", at(out), "content", strings.Join(all, "\n") + "\n"})
	v["n"] = strconv.Itoa(len(all))
	st.assistant(v, "{out} has {n} different items now, in alphabetical order.", "done: {n} items [without repeats|, each once,] in {out}. [The two lists are unchanged.|]", "I wrote the {n} items of both lists to {out}.")
}

func notThere(st *stage) {
	dir, topic := draw(st.r, folders), draw(st.r, topics)
	wrong := path.Join(dir, slug(topic)+draw(st.r, []string{".doc", ".odt", ".rtf"}))
	right := path.Join(draw(st.r, folders), slug(topic)+".md")
	st.put(right, "# "+topic+"\n")
	st.begin[dir+"/"], st.goal[dir+"/"] = "", ""
	st.fact(right)
	st.start()
	v := vars{"file": at(wrong), "topic": topic, "dir": at(dir)}
	st.user(v, "[what does|please tell me what] {file} [say|says]?", "open {file} [for me|please]. [I need the heading.|]", "I am looking for {file}, the one about the {topic}. What is in it?")
	answer := st.refused("read_text_file", args{"path", at(wrong)})
	st.fit(strings.Contains(answer, "ENOENT"), "the refusal reads %.200q", answer)
	found := strings.TrimSpace(st.call("search_files", args{"path", "/workspace", "pattern", "**/" + slug(topic) + "*"}))
	st.fit(strings.HasSuffix(found, right), "the search gives %.200q", found)
	v["found"] = found
	st.assistant(v, "there is no {file}. [I did find|The closest is] {found}; [is that the one?|do you mean that?]", "{file} does not exist, but there is {found}. [Shall I read that one?|]", "I could not find {file}. A file with a similar name is {found}.")
}

func removeItem(st *stage) {
	dir := draw(st.r, folders)
	file := path.Join(dir, draw(st.r, []string{"shopping.md", "stock.md", "packing.md", "orders.md"}))
	have := several(st.r, items, 4+st.r.IntN(4))
	text := "# list\n"
	for _, i := range have {
		text += "- " + i + "\n"
	}
	st.put(file, text)
	st.goal[file] = strings.Replace(text, "- "+have[1]+"\n", "", 1)
	st.fact(have[1])
	st.fact(strconv.Itoa(len(have) - 1))
	st.start()
	v := vars{"file": at(file), "a": have[0], "b": have[1], "n": strconv.Itoa(len(have) - 1)}
	st.user(v, "[please|] take the {a} off the list in {file}.", "we no longer need the {a}: strike it from {file}.", "can you delete {a} from {file}?")
	listing := st.call("read_text_file", args{"path", at(file)})
	st.fit(strings.Contains(listing, "- "+have[0]), "the item is not in the list")
	st.assistant(v, "the list has {a} in it. [Shall I delete that line?|Do you want me to remove it?]", "I found {a} in {file}. [Remove it?|Shall I strike it?]")
	st.user(v, "[wait|no, sorry], [I mixed them up|I meant something else]. Keep the {a} and take off the {b} instead. [How many are left then?|]", "hmm, no: leave the {a}. It is the {b} that can go.", "[stop|hold on], the {a} must stay. Delete the {b}, please.")
	// The line before is part of the edit, so that the whole line goes and not only its text.
	lines := strings.Split(strings.TrimRight(listing, "\n"), "\n")
	i := slices.Index(lines, "- "+have[1])
	st.fit(i > 0, "the second item is not in the list")
	st.call("edit_file", args{"path", at(file), "edits", []args{{"oldText", lines[i-1] + "\n" + lines[i], "newText", lines[i-1]}}})
	st.assistant(v, "the {b} [are|is] off the list; {n} items are left, {a} among them.", "done. I removed {b} and kept {a}. That leaves {n} items.", "{b} is gone, {n} items remain.")
}
