package env

import (
	"encoding/json"
	"hash/fnv"
	"strings"

	"muonclip/synth/task"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// The codes of errors that the environment gives beside those of package world.
const (
	codeUnknownTool = "unknown_tool"
	codeInvalid     = "invalid_request"
	codeMalformed   = "malformed_call"
	codeTimeout     = "timeout"
	codeUnavailable = "unavailable"
	codeRateLimited = "rate_limited"
	codeDenied      = "permission_denied"
)

// Invalid reports whether an error says that a call was wrong in itself: not readable, of a tool that is not offered,
// or with arguments that do not fit the schema.
func Invalid(code string) bool {
	return code == codeMalformed || code == codeUnknownTool || code == codeInvalid
}

// style is how a service shapes its errors; products differ in it.
type style uint8

func styleOf(t *task.Task) style {
	h := fnv.New32a()
	h.Write([]byte(t.Domain.Service))
	return style(h.Sum32() % 3)
}

// httpStatus is what the codes are in HTTP.
var httpStatus = map[string]int{"not_found": 404, "invalid_state": 409, "invalid_argument": 400, "forbidden": 403, "conflict": 409, "limit": 422,
	"internal": 500, codeUnknownTool: 404, codeInvalid: 400, codeMalformed: 400, codeTimeout: 504, codeUnavailable: 503, codeRateLimited: 429, codeDenied: 403}

// fail makes an error the result of a call.
func (s *Service) fail(c *Call, code, message string, problems []tool.Problem) {
	c.Code = code
	e := map[string]any{"code": code, "message": message}
	if len(problems) > 0 {
		list := make([]any, 0, len(problems))
		for _, p := range problems {
			list = append(list, strings.TrimSpace(p.Path+" "+p.Message))
		}
		e["details"] = list
	}
	c.Result = s.shape(e)
}

// failRate makes a rate limit the result.
func (s *Service) failRate(c *Call, seconds int) {
	c.Code = codeRateLimited
	c.Result = s.shape(map[string]any{"code": codeRateLimited, "message": "too many requests", "retry_after": int64(seconds)})
}

func (s *Service) shape(e map[string]any) json.RawMessage {
	var out any
	code, _ := e["code"].(string)
	switch s.style {
	case 0:
		out = map[string]any{"error": e}
	case 1:
		e["status"] = httpStatus[code]
		out = map[string]any{"error": e}
	default:
		out = map[string]any{"errors": []any{e}}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return json.RawMessage(`{"error":{"code":"internal"}}`)
	}
	return b
}

// Problem is the error in a result.
type Problem struct {
	Code, Message string
	RetryAfter    int // seconds, for rate limits
}

// ParseProblem finds the error in a decoded result.
func ParseProblem(result any) (Problem, bool) {
	e := value.At(result, "error")
	if list, ok := value.At(result, "errors").([]any); ok && len(list) > 0 {
		e = list[0]
	}
	m, ok := e.(map[string]any)
	if !ok {
		return Problem{}, false
	}
	p := Problem{}
	p.Code, _ = m["code"].(string)
	p.Message, _ = m["message"].(string)
	n, _ := value.Number(m["retry_after"])
	p.RetryAfter = int(n)
	return p, p.Code != ""
}

// Transient reports whether the same call may well succeed later.
func (p Problem) Transient() bool {
	return p.Code == codeTimeout || p.Code == codeUnavailable || p.Code == codeRateLimited
}

// Uncertain reports whether the call may have taken effect all the same.
func (p Problem) Uncertain() bool { return p.Code == codeTimeout }

// Limited reports whether it is too early for the call.
func (p Problem) Limited() bool { return p.Code == codeRateLimited }

// Denied reports whether the client may not use the tool at all.
func (p Problem) Denied() bool { return p.Code == codeDenied }

// Cursor returns the cursor of a partial result.
func Cursor(result any) (string, bool) {
	c, ok := value.At(result, "cursor").(string)
	partial, _ := value.At(result, "partial").(bool)
	return c, ok && partial
}

// IsStale reports whether a result comes from an old cache.
func IsStale(result any) bool {
	return value.At(result, "cache", "status") == "stale"
}
