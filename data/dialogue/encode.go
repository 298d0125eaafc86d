package dialogue

import (
	"fmt"

	"muonclip/data/chat"
	"muonclip/data/chatshard"
	"muonclip/data/token"
)

// Encode makes the ids of a dialogue and the kind of turn that each belongs to. What is in the loss is what chat.Encode
// says.
func Encode(tok *token.Tokenizer, f chat.Format, d chat.Dialogue) (chatshard.Dialogue, error) {
	ids, mask, err := chat.Encode(tok, f, d, chat.RenderOptions{})
	if err != nil {
		return chatshard.Dialogue{}, err
	}
	out := chatshard.Dialogue{ID: d.ID, IDs: ids, Turns: make([]chatshard.Turn, len(ids))}
	// What an assistant writes in one turn is one run of the mask: it ends with a token of its own, and the header of the
	// next turn is not in the loss.
	kinds := learned(d.Messages)
	run := -1
	for i, trained := range mask {
		if !trained {
			continue
		}
		if i == 0 || !mask[i-1] {
			run++
		}
		if run >= len(kinds) {
			break
		}
		out.Turns[i] = kinds[run]
	}
	if run != len(kinds)-1 {
		return chatshard.Dialogue{}, fmt.Errorf("dialogue: the format %s renders %d learned turns in at least %d pieces", f.Name(), len(kinds), run+1)
	}
	return out, nil
}

// learned lists the kinds of the turns in the loss.
func learned(messages []chat.Message) []chatshard.Turn {
	var kinds []chatshard.Turn
	for i, m := range messages {
		switch {
		case m.Role != chat.RoleAssistant || m.NoLoss:
		case len(m.ToolCalls) > 0:
			kinds = append(kinds, chatshard.Call)
		case i > 0 && messages[i-1].Role == chat.RoleTool:
			kinds = append(kinds, chatshard.Answer)
		default:
			kinds = append(kinds, chatshard.Text)
		}
	}
	return kinds
}
