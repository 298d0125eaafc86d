package live

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"muonclip/synth/mcp"
)

// filePrograms are the dialogues on server-filesystem. Listings are asked for with sizes, because only those are sorted.
var filePrograms = []*program{
	{name: "read_setting", kind: "dependent_calls", difficulty: 2, run: readSetting, uses: []string{"list_directory_with_sizes", "read_text_file"},
		criteria: []string{"The value in the file is told.", "No file is changed."}},
	{name: "edit_setting", kind: "dependent_calls", difficulty: 2, run: editSetting, uses: []string{"read_text_file", "edit_file"},
		criteria: []string{"The line is changed and nothing else.", "The old and the new value are told."}},
	{name: "save_note", kind: "missing_information", difficulty: 2, run: saveNote, uses: []string{"write_file"},
		criteria: []string{"The name of the file is asked for.", "The file holds the note word for word."}},
	{name: "tidy_up", kind: "loop", difficulty: 3, run: tidyUp, uses: []string{"list_directory_with_sizes", "create_directory", "move_file"},
		criteria: []string{"All files of the type are in the new folder and no others.", "Their number is told."}},
	{name: "add_up", kind: "parallel_calls", difficulty: 3, run: addUp, uses: []string{"read_text_file"},
		criteria: []string{"The total over all files is told.", "No file is changed."}},
	{name: "outside", kind: "impossible_request", difficulty: 2, run: outside, uses: []string{"read_text_file"},
		criteria: []string{"The user hears that the file is out of reach.", "Nothing is invented."}},
	{name: "name_taken", kind: "fault_recovery", difficulty: 4, run: nameTaken, uses: []string{"move_file"},
		criteria: []string{"The file that was there is not overwritten.", "The user chooses another name."}},
	{name: "last_lines", kind: "single_call", difficulty: 1, run: lastLines, uses: []string{"read_text_file"},
		criteria: []string{"The last entry is told."}},
	{name: "merge_lists", kind: "dependent_calls", difficulty: 4, run: mergeLists, uses: []string{"read_text_file", "write_file"},
		criteria: []string{"The new file holds every item once, in alphabetical order.", "The lists stay as they are."}},
	{name: "not_there", kind: "impossible_request", difficulty: 3, run: notThere, uses: []string{"read_text_file", "search_files"},
		criteria: []string{"The user hears that the file does not exist, and which one looks like it."}},
	{name: "remove_item", kind: "changed_mind", difficulty: 4, run: removeItem, uses: []string{"read_text_file", "edit_file"},
		criteria: []string{"The item that the user settled on is struck, and no other."}},
}

// at is the path by which a dialogue knows a file.
func at(name string) string { return path.Join(mcp.WorkPath, name) }

// put adds a file to the beginnings and the goal, with the folders above it.
func (st *stage) put(name, content string) {
	for _, s := range []state{st.begin, st.goal} {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			s[dir+"/"] = ""
		}
		s[name] = content
	}
}

// others puts a few files that nobody asks for.
func (st *stage) others(dir string) {
	for _, topic := range several(st.r, topics, 1+st.r.IntN(3)) {
		name := path.Join(dir, slug(topic)+"-"+draw(st.r, []string{"todo", "ideas", "contacts"})+".txt")
		if _, taken := st.begin[name]; !taken {
			st.put(name, "- "+strings.Join(several(st.r, items, 2), "\n- ")+"\n")
		}
	}
}

// config writes settings, one a line.
func (st *stage) config() (names []string, values map[string]int, text string) {
	names, values = several(st.r, settings, 4+st.r.IntN(3)), map[string]int{}
	var b strings.Builder
	for _, n := range names {
		values[n] = 2 + st.r.IntN(900)
		fmt.Fprintf(&b, "%s = %d\n", n, values[n])
	}
	return names, values, b.String()
}

// setting reads a value from such a text, as the assistant does.
func (st *stage) setting(text, name string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && k == name {
			return v
		}
	}
	st.fit(false, "there is no %s in %.200q", name, text)
	return ""
}

func readSetting(st *stage) {
	dir, firm := draw(st.r, folders), draw(st.r, firms)
	names, values, text := st.config()
	file := path.Join(dir, slug(firm)+".conf")
	st.put(file, text)
	st.others(dir)
	want := draw(st.r, names)
	st.fact(strconv.Itoa(values[want]))
	st.start()
	v := vars{"dir": at(dir), "firm": firm, "name": strings.ReplaceAll(want, "_", " ")}
	st.user(v, "[what is|can you tell me] the {name} in the configuration of {firm}? [it is somewhere in|the file is in] {dir}.",
		"somewhere in {dir} there is a configuration file for {firm}. [which|what] {name} [does it set|is in there]?",
		"I need the {name} that {firm} has [at the moment|right now]. Their config [lies|is] in {dir}.")
	listing := st.call("list_directory_with_sizes", args{"path", at(dir)})
	found := ""
	for _, name := range listed(listing) {
		if strings.HasPrefix(name, slug(firm)) {
			found = name
		}
	}
	st.fit(found != "", "the configuration is not listed")
	v["value"], v["file"] = st.setting(st.call("read_text_file", args{"path", path.Join(at(dir), found)}), want), found
	st.assistant(v, "the {name} [is|is set to] {value}[, according to {file}|, as {file} says].", "{file} sets the {name} to {value}.", "[I found|Here it is:] {name} = {value} in {file}.")
}

// listed are the names of files in a listing with sizes.
func listed(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "[FILE] "); ok {
			out = append(out, strings.Fields(rest)[0])
		}
	}
	return out
}

func editSetting(st *stage) {
	dir, firm := draw(st.r, folders), draw(st.r, firms)
	names, values, text := st.config()
	file := path.Join(dir, slug(firm)+".conf")
	st.put(file, text)
	st.others(dir)
	name := draw(st.r, names)
	value := values[name] + 1 + st.r.IntN(90)
	st.goal[file] = strings.Replace(text, fmt.Sprintf("%s = %d\n", name, values[name]), fmt.Sprintf("%s = %d\n", name, value), 1)
	st.fact(strconv.Itoa(values[name]))
	st.fact(strconv.Itoa(value))
	st.start()
	v := vars{"file": at(file), "name": strings.ReplaceAll(name, "_", " "), "key": name, "value": strconv.Itoa(value)}
	st.user(v, "[please|could you] set {key} to {value} in {file}.", "in {file}, [the {name} should be|please change the {name} to] {value} [from now on|].", "change {key} in {file} to {value}, [and tell me what it was|and leave the rest alone].")
	v["old"] = st.setting(st.call("read_text_file", args{"path", at(file)}), name)
	st.call("edit_file", args{"path", at(file), "edits", []args{{"oldText", name + " = " + v["old"], "newText", name + " = " + v["value"]}}})
	st.assistant(v, "done: {key} was {old} and is {value} now.", "I changed {key} from {old} to {value}[ in {file}|]. [Everything else is as it was.|]", "the {name} is {value} now; before it was {old}.")
}

func saveNote(st *stage) {
	dir, topic := draw(st.r, folders), draw(st.r, topics)
	st.goal[dir+"/"], st.begin[dir+"/"] = "", ""
	st.others(dir)
	note := say(st.r, []string{"{who} brings {n} {item}", "order {n} {item} before Friday", "call {who} about the {item}", "{who} still has {n} {item}; ask for them back"},
		vars{"who": draw(st.r, people), "item": draw(st.r, items), "n": strconv.Itoa(3 + st.r.IntN(40))})
	name := slug(topic) + "-" + draw(st.r, []string{"notes", "memo", "reminder"}) + draw(st.r, []string{".txt", ".md"})
	st.goal[path.Join(dir, name)] = note
	st.start()
	v := vars{"dir": at(dir), "note": note, "topic": topic, "name": name}
	st.user(v, `[please|can you] save [this|a note] for the {topic} in {dir}: "{note}"`, `write this down in {dir} [please|], it is about the {topic}: "{note}"`, `I want to keep a note about the {topic}: "{note}" It belongs in {dir}.`)
	st.assistant(v, "[sure|gladly]. [What should the file be called?|Which name should the file have?]", "under which file name shall I save it?", "what name do you want for the file in {dir}?")
	st.user(v, "[call it|name it] {name}.", "{name}, please.", "{name} [is fine|will do].")
	st.call("write_file", args{"path", path.Join(at(dir), name), "content", note})
	st.assistant(v, "saved as {name} in {dir}.", "[done|all set]: the note [is|stands] in {dir}/{name}.", "I wrote the note to {dir}/{name}.")
}

func tidyUp(st *stage) {
	dir := draw(st.r, folders)
	ext := draw(st.r, []string{".log", ".csv", ".pdf", ".bak"})
	into := draw(st.r, []string{"old", "sorted", "collected", "by-type"}) + "-" + ext[1:]
	st.others(dir)
	var names []string
	for _, t := range several(st.r, topics, 2+st.r.IntN(4)) {
		name := slug(t) + ext
		names = append(names, name)
		content := draw(st.r, events) + "\n"
		st.put(path.Join(dir, name), content)
		delete(st.goal, path.Join(dir, name))
		st.goal[path.Join(dir, into, name)] = content
	}
	st.goal[path.Join(dir, into)+"/"] = ""
	st.fact(strconv.Itoa(len(names)) + " " + ext + " files")
	st.start()
	v := vars{"dir": at(dir), "ext": ext, "into": into}
	st.user(v, "[please|can you] move all {ext} files [in|of] {dir} into a new folder {into} inside it.", "{dir} is a mess. Put every {ext} file there into a subfolder called {into}[, please|].", "make a folder {into} in {dir} and move the {ext} files [from {dir}|] into it. [How many are there?|]")
	found := slices.DeleteFunc(listed(st.call("list_directory_with_sizes", args{"path", at(dir)})), func(n string) bool { return !strings.HasSuffix(n, ext) })
	st.call("create_directory", args{"path", at(path.Join(dir, into))})
	var moves []ask
	for _, n := range found {
		moves = append(moves, ask{"move_file", args{"source", at(path.Join(dir, n)), "destination", at(path.Join(dir, into, n))}})
	}
	st.all("", moves...)
	v["n"], v["list"] = strconv.Itoa(len(found)), strings.Join(found, ", ")
	st.assistant(v, "I moved {n} {ext} files to {dir}/{into}: {list}.", "done. {n} {ext} files are in {into} now[: {list}|].", "[all sorted|there you go]: {n} {ext} files went to {into}.")
}
