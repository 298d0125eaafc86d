package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	httpTries   = 4                // of a request that the server turned away unread
	httpPause   = 10 * time.Second // the longest pause between them
	connectTime = 10 * time.Second // of the TCP connection
)

// httpTransport is the SDK's transport of streamable HTTP over our round trips. The standing stream of the server is
// not opened: what it announces between calls is not needed, and a stream that breaks would end the session.
func httpTransport(s Server, trip *roundTrip) sdk.Transport {
	client := &http.Client{Transport: trip, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &sdk.StreamableClientTransport{Endpoint: s.URL, HTTPClient: client, MaxRetries: 2, DisableStandaloneSSE: true, MaxEventSize: s.Limits.Message}
}

// roundTrip adds the headers of the server, bounds bodies, captures results, and waits where the server asks for it.
type roundTrip struct {
	host    string
	headers map[string]string
	limit   int64
	base    *http.Transport
}

func newRoundTrip(s Server) *roundTrip {
	u, _ := url.Parse(s.URL) // checked by Validate
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DialContext = dialer(connectTime)
	return &roundTrip{host: u.Host, headers: s.Headers, limit: int64(s.Limits.Message), base: base}
}

// RoundTrip implements http.RoundTripper. A request that was refused with 429 or 503 was not processed and is sent
// again; any other failure is left to the caller, because a call may have taken effect.
func (t *roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	taken, _ := ctx.Value(captureKey{}).(*capture) // nil for what nobody waits for
	taken.note(nil)
	tries := 0
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, httpPause
	for {
		again := req.Clone(ctx)
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			again.Body = body
		}
		if again.URL.Host == t.host {
			for k, v := range t.headers {
				again.Header.Set(k, v)
			}
		}
		resp, err := t.base.RoundTrip(again)
		if err != nil {
			taken.note(fmt.Errorf("%w: %w", ErrHTTP, err))
			return nil, err
		}
		tries++
		pause, turnedAway := retryAfter(resp, pauses)
		if !turnedAway || tries == httpTries || pause > httpPause || req.GetBody == nil {
			t.bound(taken, resp)
			if resp.StatusCode >= 300 && !refusedCall(resp) {
				taken.note(fmt.Errorf("%w: it answers %s%s", ErrHTTP, resp.Status, times(tries)))
			}
			return resp, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // read only so that the connection can be used again
		_ = resp.Body.Close()                                         // nobody needs this answer
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// refusedCall reports whether a server answers a call with 400 or the like and says in JSON-RPC why, which is its answer
// and no failure of the web. The body can be read again.
func refusedCall(resp *http.Response) bool {
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return false
	}
	data, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // all that it has is read
	resp.Body = io.NopCloser(bytes.NewReader(data))
	if err != nil {
		return false
	}
	for _, m := range decode(bytes.TrimSpace(data)) {
		if r, ok := m.(*jsonrpc.Response); ok && r.Error != nil && r.ID.IsValid() {
			return true
		}
	}
	return false
}

func times(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(", %d times", n)
}

// retryAfter reports whether a server turned the request away, and for how long.
func retryAfter(resp *http.Response, pauses *backoff.ExponentialBackOff) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	pause := pauses.NextBackOff()
	if s := resp.Header.Get("Retry-After"); s != "" {
		if n, err := strconv.Atoi(s); err == nil && n >= 0 {
			pause = time.Duration(n) * time.Second
		} else if at, err := http.ParseTime(s); err == nil {
			pause = max(0, time.Until(at))
		}
	}
	return pause, true
}

// bound limits a body and lets a capture, which may be nil, read along.
func (t *roundTrip) bound(taken *capture, resp *http.Response) {
	b := &body{ReadCloser: resp.Body, left: t.limit, taken: taken}
	if taken != nil {
		b.copy = taken.body()
	}
	resp.Body = b
}

// body is a bounded response.
type body struct {
	io.ReadCloser
	left  int64
	taken *capture
	copy  *bytes.Buffer // of the capture
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		err = fmt.Errorf("%w: the body goes on", ErrTooLarge)
		b.taken.note(err)
		return 0, err
	}
	if b.taken != nil && n > 0 {
		b.taken.mu.Lock()
		b.copy.Write(p[:n])
		b.taken.mu.Unlock()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.taken.note(fmt.Errorf("%w: the answer breaks off: %w", ErrHTTP, err))
	}
	return n, err
}

// dialer connects within a time.
func dialer(d time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return (&net.Dialer{Timeout: d, KeepAlive: 30 * time.Second}).DialContext
}
