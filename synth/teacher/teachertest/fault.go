package teachertest

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	testPause = time.Millisecond
	// testTimeout is long for a loaded machine and short for somebody who waits for an answer that never comes.
	testTimeout = 5 * time.Second
)

// Fault is a way to fail.
type Fault string

// The faults.
const (
	None        Fault = ""
	RateLimited Fault = "429"           // with Retry-After
	ServerError Fault = "500"           // with a page that is no JSON
	Unavailable Fault = "503"           // with an error in OpenAI's shape
	Hang        Fault = "hang"          // no answer at all
	Disconnect  Fault = "disconnect"    // in the middle of the body
	Reset       Fault = "reset"         // before the first byte
	BadJSON     Fault = "bad_json"      // half an object, with the right length
	Huge        Fault = "huge"          // an answer of many megabytes
	NoChoices   Fault = "no_choices"    // an empty list of choices
	WrongType   Fault = "wrong_type"    // a page with the status 200
	InBody      Fault = "error_in_body" // an error with the status 200
	Drip        Fault = "drip"          // a byte now and then
)

// Quick lists the faults that a client notices at once. Hang and Drip last until its timeout.
func Quick() []Fault {
	return []Fault{RateLimited, ServerError, Unavailable, Disconnect, Reset, BadJSON, Huge, NoChoices, WrongType, InBody}
}

// Faults says how often what goes wrong. The zero Faults never does.
type Faults struct {
	Seed  uint64
	Rate  float64 // of attempts that fail, 0 to 1
	Kinds []Fault
	// Most attempts at one request that may fail, so that a client which goes on trying succeeds; 0 means all.
	Most       int
	RetryAfter float64 // seconds that 429 asks for; 0 means 0.01
}

// pick decides about the nth attempt at a request.
func (f Faults) pick(hash uint64, nth int) Fault {
	if len(f.Kinds) == 0 || f.Most > 0 && nth >= f.Most {
		return None
	}
	r := rand.New(rand.NewPCG(f.Seed^hash, uint64(nth)))
	if r.Float64() >= f.Rate {
		return None
	}
	return f.Kinds[r.IntN(len(f.Kinds))]
}

// early plays faults that need no answer.
func (f Fault) early(w http.ResponseWriter, r *http.Request, quit <-chan struct{}, all Faults) bool {
	switch f {
	case RateLimited:
		after := all.RetryAfter
		if after == 0 {
			after = 0.01
		}
		w.Header().Set("Retry-After", strconv.FormatFloat(after, 'g', -1, 64))
		fail(w, http.StatusTooManyRequests, "Rate limit reached")
	case ServerError:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("<html>upstream failed</html>"))
	case Unavailable:
		fail(w, http.StatusServiceUnavailable, "The engine is overloaded")
	case Hang:
		select {
		case <-r.Context().Done():
		case <-quit:
		}
	case Reset:
		cut(w)
	case Huge:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"choices":[{"message":{"role":"assistant","content":"`))
		page := []byte(strings.Repeat("la ", 1<<15))
		for range 1 << 10 {
			if _, err := w.Write(page); err != nil {
				return true
			}
		}
	case NoChoices:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"chatcmpl-1","object":"chat.completion","choices":[]}`))
	case WrongType:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Please sign in</body></html>"))
	case InBody:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"error":{"message":"internal","code":500}}`))
	default:
		return false
	}
	return true
}

// late plays faults that spoil a proper answer.
func (f Fault) late(w http.ResponseWriter, r *http.Request, quit <-chan struct{}, reply []byte) bool {
	w.Header().Set("Content-Type", "application/json")
	switch f {
	case Disconnect:
		w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
		_, _ = w.Write(reply[:len(reply)/2])
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case BadJSON:
		_, _ = w.Write(reply[:len(reply)/2])
	case Drip:
		for i := range reply {
			if _, err := w.Write(reply[i : i+1]); err != nil {
				return true
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return true
			case <-quit:
				return true
			case <-time.After(200 * time.Millisecond):
			}
		}
	default:
		return false
	}
	return true
}

// cut closes the connection.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}
