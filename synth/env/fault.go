package env

import (
	"encoding/json"
	"fmt"

	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// before lets a fault act that keeps a call from its tool. It reports whether the call is over.
func (s *Service) before(c *Call, t *tool.Tool, f *task.Fault) bool {
	switch f.Kind {
	case task.Timeout:
		s.clock += 30
		if f.Lost {
			s.run(c, t)
		}
		c.Code = ""
		s.fail(c, codeTimeout, "no answer within 30 seconds; the request may or may not have been processed", nil)
		return true
	case task.Transient:
		s.fail(c, codeUnavailable, "the service is temporarily unavailable, try again", nil)
		return true
	case task.RateLimit:
		until, seen := s.until[c.Tool]
		if !seen {
			until = s.clock + f.Wait
			s.until[c.Tool] = until
		}
		if s.clock < until {
			s.failRate(c, until-s.clock)
			return true
		}
		c.Fault = nil // the limit is over
	case task.Denied:
		s.fail(c, codeDenied, fmt.Sprintf("this client has no permission to use %s", c.Tool), nil)
		return true
	}
	return false
}

// after changes the result of a call that succeeded as its fault says. All that it leaves alone stays byte for byte.
func (s *Service) after(c *Call, t *tool.Tool, result json.RawMessage) json.RawMessage {
	f := c.Fault
	if f.Kind != task.Partial && f.Kind != task.Stale {
		return result
	}
	o, err := members(result)
	if err != nil {
		c.Fault = nil
		return result
	}
	switch f.Kind {
	case task.Partial:
		var list []json.RawMessage
		if err := json.Unmarshal(o.get(t.Returns.Items), &list); err != nil || len(list) <= f.Keep {
			c.Fault = nil
			return result
		}
		cursor := fmt.Sprintf("c%d-%s", c.Index, s.task.ID())
		if s.pages == nil {
			s.pages = map[string]page{}
		}
		s.pages[cursor] = page{items: t.Returns.Items, rest: list[f.Keep:]}
		o.set(t.Returns.Items, list[:f.Keep])
		o.set("partial", true)
		o.set("cursor", cursor)
	case task.Stale:
		if o.get(f.Entry) == nil {
			c.Fault = nil
			return result
		}
		o.set(f.Entry, f.Old)
		o.set("cache", map[string]any{"status": "stale", "age_seconds": 3600 + f.Seed%7200})
	}
	return o.bytes()
}

// more hands out what a truncated result withheld.
func (s *Service) more(c *Call) {
	v, _ := value.Decode(c.Args)
	cursor, _ := value.At(v, "cursor").(string)
	p, ok := s.pages[cursor]
	if !ok {
		s.fail(c, "not_found", fmt.Sprintf("there is no cursor %q", cursor), nil)
		return
	}
	var o object
	o.set(p.items, p.rest)
	c.Result = o.bytes()
}
