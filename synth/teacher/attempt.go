package teacher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// attempt asks once. It also says how long it had to wait for its turn.
func (c *Client) attempt(ctx context.Context, r Request, wire wireRequest) (waited time.Duration, reply Reply, err error) {
	if err := c.breaker.open(); err != nil {
		return 0, Reply{}, err
	}
	start := time.Now()
	prompt := promptTokens(wire.body)
	leave, err := c.enter(ctx, prompt/2+r.MaxTokens)
	waited = time.Since(start)
	if err != nil {
		return waited, Reply{}, err
	}
	defer leave()
	var h *hold
	if c.config.Ledger != nil {
		if h, err = c.config.Ledger.reserve(ctx, r.Purpose, c.config.Model, c.cost(prompt, r.MaxTokens)); err != nil {
			return waited, Reply{}, err
		}
	}
	reply, err = c.send(ctx, wire)
	var failed *attemptError
	event := eventPaid
	switch {
	case err == nil:
		c.breaker.ok()
		reply.Usage.Cost = c.cost(reply.Usage.PromptTokens, reply.Usage.CompletionTokens)
	case !errors.As(err, &failed) || failed.billed:
		event = eventLost
	default:
		event = eventFree
	}
	if failed != nil && ctx.Err() == nil {
		c.breaker.fail(failed)
	}
	if h != nil {
		if ledgerErr := h.settle(event, reply.Usage); ledgerErr != nil {
			return waited, Reply{}, ledgerErr
		}
	}
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return waited, reply, err
}

// promptTokens is the most tokens that a prompt is taken to have: one for two bytes, about twice what tokenizers make
// of English and of JSON.
func promptTokens(body []byte) int { return len(body)/2 + 1 }

// cost is the price of a call.
func (c *Client) cost(prompt, completion int) float64 {
	return (float64(prompt)*c.config.PriceIn + float64(completion)*c.config.PriceOut) / 1e6
}

// enter waits until a call of about so many tokens may be made, and returns what ends it.
func (c *Client) enter(ctx context.Context, tokens int) (leave func(), err error) {
	if rest := c.breaker.rest(); rest > 0 {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if c.requests != nil {
		if err := c.requests.Wait(ctx); err != nil {
			return nil, fmt.Errorf("teacher: rate limit: %w", err)
		}
	}
	if c.tokens != nil { // what exceeds a whole minute's tokens waits for a minute
		if err := c.tokens.WaitN(ctx, min(tokens, c.tokens.Burst())); err != nil {
			return nil, fmt.Errorf("teacher: rate limit: %w", err)
		}
	}
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// send sends a request and reads its answer. Its errors are *attemptError.
func (c *Client) send(ctx context.Context, wire wireRequest) (Reply, error) {
	var body []byte
	var res *http.Response
	_, err := c.chats.New(ctx, openai.ChatCompletionNewParams{},
		option.WithRequestBody("application/json", wire.body), option.WithRequestTimeout(c.config.Timeout),
		option.WithResponseBodyInto(&body), option.WithResponseInto(&res))
	if res == nil {
		return Reply{}, c.noAnswer(err)
	}
	if status := res.StatusCode; status != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // the client put what it has read back
		return Reply{}, &attemptError{
			err: statusError(status, c.excerpt(said)), status: status, retry: retryStatus(status), after: waitOf(res.Header, time.Now()),
		}
	}
	if err != nil {
		return Reply{}, &attemptError{err: errors.New(c.redact(describe(err, c.config.Timeout))), retry: true, billed: true}
	}
	reply, counted, err := decode(body, wire.names)
	if err != nil {
		err = fmt.Errorf("%s (content type %q): %s", c.redact(err.Error()), res.Header.Get("Content-Type"), c.excerpt(body))
		return Reply{}, &attemptError{err: err, retry: true, billed: true}
	}
	if !counted {
		reply.Usage = Usage{PromptTokens: promptTokens(wire.body), CompletionTokens: promptTokens(body)}
	}
	return reply, nil
}

// noAnswer words an attempt to which nothing came back. It is billed unless the connection was not even made.
func (c *Client) noAnswer(err error) error {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	out := &attemptError{err: errors.New(c.redact(describe(err, c.config.Timeout))), retry: true, billed: true}
	switch {
	case errors.As(err, &certificate):
		out.retry, out.billed = false, false
	case errors.As(err, &dial) && dial.Op == "dial":
		out.billed = false
	}
	return out
}

// describe words an error of the transport.
func describe(err error, timeout time.Duration) string {
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no whole answer within %s", timeout)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection broke off within the answer"
	}
	return err.Error()
}

// redact keeps the key out of what is shown, wherever an endpoint repeats it.
func (c *Client) redact(s string) string {
	if c.key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.key, "(key)")
}

// excerpt is the beginning of a body as it may be shown.
func (c *Client) excerpt(body []byte) string {
	return beginning([]byte(c.redact(string(body[:min(len(body), 4096)]))))
}

// waitOf is how long an answer asks to wait before the next attempt: Retry-After in seconds or as a date.
func waitOf(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return seconds(ms / 1000)
	}
	text := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 {
		return seconds(s)
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// seconds turns a number into a duration of a day at most.
func seconds(s float64) time.Duration { return time.Duration(min(s, 86_400) * float64(time.Second)) }

// limited is a transport whose answers end with an error where they are too large.
type limited struct {
	next  http.RoundTripper
	bytes int64
}

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(req)
	if err == nil {
		res.Body = &limitedBody{res.Body, l.bytes, l.bytes}
	}
	return res, err
}

type limitedBody struct {
	io.ReadCloser
	left, bytes int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("the answer is longer than %d bytes", b.bytes)
	}
	return n, err
}
