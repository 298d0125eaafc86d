package live

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"muonclip/synth/mcp"
)

// programsVersion is part of what a data set depends on. It changes with every change of a program or of its words.
const programsVersion = "1"

// family is a sort of server and the programs for it.
type family struct {
	name     string
	entity   string // what its state is made of, for records
	needs    []string
	state    mcp.State
	read     func(*os.Root) (state, error) // nil for servers without a state
	write    func(*os.Root, state) error
	check    func(mcp.Server) error
	system   []string // the assistant's instructions, one of several wordings
	programs []*program
}

// program is a sort of dialogue. run sets up the stage, says begin, and plays.
type program struct {
	name       string
	kind       string
	difficulty int
	criteria   []string
	uses       []string // tools that must be offered
	run        func(*stage)
}

var families = []*family{
	{
		name: "filesystem", entity: "file", state: mcp.StateFiles, read: readFiles, write: writeFiles, programs: filePrograms,
		needs: []string{"read_text_file", "write_file", "edit_file", "create_directory", "list_directory_with_sizes", "move_file", "search_files"},
		check: func(s mcp.Server) error {
			if len(s.Command) == 0 || !slices.ContainsFunc(s.Command[1:], func(a string) bool { return a == mcp.ScratchVar }) {
				return fmt.Errorf("live: server %s: dialogues write files, so its folder must be the scratch folder: give %s instead of the folders in its command", s.Name, mcp.ScratchVar)
			}
			for _, a := range s.Command[1:] {
				if strings.HasPrefix(a, "/") && isDir(a) {
					return fmt.Errorf("live: server %s: it would have the folder %s too: give %s alone", s.Name, a, mcp.ScratchVar)
				}
			}
			return nil
		},
		system: []string{
			"You are a [helpful|careful|friendly] assistant with access to the files in /workspace. [Use the tools to look before you answer|Look at the files before you answer]. Never overwrite [a file|anything] that the user did not ask you to change.",
			"You [help|assist] the user with the documents in /workspace. [Only report what the tools show|Tell only what you have seen in the files]. If something [cannot be done|fails], say so [plainly|openly].",
			"You manage the shared folder /workspace of a small [office|team|studio]. [Ask when a name or a place is missing|If a file name is missing, ask for it]. Keep answers short.",
		},
	},
	{
		name: "memory", entity: "memory", state: mcp.StateFiles, read: readGraph, write: writeGraph, programs: memoryPrograms,
		needs: []string{"create_entities", "create_relations", "add_observations", "delete_entities", "delete_observations", "search_nodes", "open_nodes"},
		check: func(s mcp.Server) error {
			if file, ok := s.Env["MEMORY_FILE_PATH"]; len(s.Command) == 0 || ok && file != mcp.ScratchVar+"/"+memoryFile {
				return fmt.Errorf("live: server %s: dialogues change the memory, so it must be in the scratch folder: run it by a command and leave MEMORY_FILE_PATH out", s.Name)
			}
			return nil
		},
		system: []string{
			"You are a personal assistant with a long-term memory, a graph of entities, relations and observations. [Search the memory before you answer|Look things up in the memory first]. Ask for confirmation before you delete anything.",
			"You keep the knowledge graph of [a small team|the user]. [Write down what the user wants remembered|Remember what you are told] and answer from the graph [only|alone]. [Deletions need the user's explicit consent|Never delete without asking first].",
			"You have a memory that lasts over conversations. [Use it|Make use of it] for questions about people, places and projects; [do not guess|never guess] what is not in it. Before an entity is deleted, the user must confirm.",
		},
	},
	{
		name: "everything", entity: "", state: mcp.StateNone, programs: basicPrograms,
		needs: []string{"echo", "get-sum", "get-structured-content"},
		check: func(mcp.Server) error { return nil },
		system: []string{
			"You are a [helpful|friendly] assistant with a few tools. [Calculate with the tools|Leave sums to the tools], not in your head.",
			"You answer questions with the help of tools. [If no tool fits, say so|Say so when no tool fits]. [Keep it short|Be brief].",
			"You are an assistant on a test bench for tools. Report exactly what the tools return.",
		},
	},
}

// familyOf finds the programs for a server by its tools.
func familyOf(l mcp.Listing) *family {
	for _, f := range families {
		if !slices.ContainsFunc(f.needs, func(name string) bool { return l.Tool(name) == nil }) {
			return f
		}
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
