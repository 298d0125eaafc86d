package teacher

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"golang.org/x/time/rate"
)

// Config configures a Client.
type Config struct {
	BaseURL string // such as https://api.moonshot.ai/v1
	Model   string // as the endpoint calls it
	APIKey  string // "" sends none; it is never written anywhere

	PriceIn, PriceOut float64 // per million tokens of prompt and answer; 0 costs nothing

	RequestsPerMinute float64       // 0 means no limit
	TokensPerMinute   float64       // of prompts and answers, by what is known before a call; 0 means no limit
	Concurrency       int           // calls at the same time; 0 means DefaultConcurrency
	Timeout           time.Duration // of an attempt up to the end of its answer; 0 means 2 minutes
	Attempts          int           // at a call; 0 means 8
	Pause             time.Duration // after the first failure, growing by half each time up to a minute; 0 means half a second
	Patience          time.Duration // after which a failing call is given up, without the time spent in rate limits; 0 means 10 minutes
	MaxBody           int64         // bytes of an answer; 0 means 8 MiB
	MaxFailures       int           // attempts in a row, of all calls, at which the client gives up; 0 means 8 times Concurrency

	Cache  *Cache  // nil keeps no answers
	Ledger *Ledger // nil counts nothing and has no budget
}

const (
	// DefaultConcurrency is the number of calls at the same time.
	DefaultConcurrency = 8
	// BudgetTokens is the limit that requests without one get where there is a budget, which would otherwise be open.
	BudgetTokens = 4096
)

// Client is a Model behind an OpenAI-compatible endpoint. Its errors are of two kinds: a *ContentError where the answer
// is what the model makes of the request, and everything else, after all attempts, where a later run may fare better.
type Client struct {
	config   Config
	key      string // of the API, to keep it out of errors
	endpoint string // host and path
	chats    openai.ChatCompletionService
	slots    chan struct{}
	requests *rate.Limiter
	tokens   *rate.Limiter
	breaker  *breaker
}

var _ Model = (*Client)(nil)

// New checks the configuration and returns a client. Nothing is sent yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil:
		return nil, errors.New("teacher: the URL of the endpoint cannot be read")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("teacher: the URL of the endpoint is %q, want one such as https://api.example.com/v1", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("teacher: the URL of the endpoint %s holds more than host and path: keys go into the environment", u.Host)
	case c.Model == "":
		return nil, fmt.Errorf("teacher: no model is named for %s", u.Host)
	case c.PriceIn < 0 || c.PriceOut < 0 || c.RequestsPerMinute < 0 || c.TokensPerMinute < 0:
		return nil, errors.New("teacher: prices and rate limits must not be negative")
	}
	c.setDefaults()
	client := &Client{
		config: c, key: c.APIKey, endpoint: u.Host + strings.TrimSuffix(u.Path, "/"),
		slots:   make(chan struct{}, c.Concurrency),
		breaker: &breaker{limit: c.MaxFailures},
	}
	client.config.APIKey = ""
	if c.RequestsPerMinute > 0 {
		client.requests = rate.NewLimiter(rate.Limit(c.RequestsPerMinute/60), max(1, int(c.RequestsPerMinute/60)))
	}
	if c.TokensPerMinute > 0 {
		client.tokens = rate.NewLimiter(rate.Limit(c.TokensPerMinute/60), max(1, int(c.TokensPerMinute)))
	}
	options := []option.RequestOption{option.WithBaseURL(c.BaseURL), option.WithMaxRetries(0), option.WithHTTPClient(httpClient(c))}
	if c.APIKey != "" {
		options = append(options, option.WithAPIKey(c.APIKey))
	}
	client.chats = openai.NewChatCompletionService(options...)
	return client, nil
}

// For is a client of another model at the same endpoint. Both share the limits of the endpoint, cache and ledger.
func (c *Client) For(model string, priceIn, priceOut float64) *Client {
	out := *c
	out.config.Model, out.config.PriceIn, out.config.PriceOut = model, priceIn, priceOut
	return &out
}

func (c *Config) setDefaults() {
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.Attempts <= 0 {
		c.Attempts = 8
	}
	if c.Pause <= 0 {
		c.Pause = 500 * time.Millisecond
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Minute
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 8 << 20
	}
	if c.MaxFailures <= 0 {
		c.MaxFailures = 8 * c.Concurrency
	}
}

// httpClient makes a client that follows no redirects, which would carry requests to where nobody sent them.
func httpClient(c Config) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = c.Concurrency
	t.MaxConnsPerHost = 0
	return &http.Client{
		Transport:     limited{t, c.MaxBody},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Host is the host of the endpoint and the path below it.
func (c *Client) Host() string { return c.endpoint }

// Chat asks the model, or the cache where it was asked before.
func (c *Client) Chat(ctx context.Context, r Request) (Reply, error) {
	if r.MaxTokens == 0 && c.config.Ledger != nil && c.config.Ledger.budget > 0 {
		r.MaxTokens = BudgetTokens
	}
	wire := encode(c.config.Model, r)
	cache := c.config.Cache
	if cache == nil {
		return c.ask(ctx, r, wire)
	}
	key := cacheKey(c.endpoint, c.config.Model, r, wire.body)
	if err := cache.claim(ctx, key); err != nil {
		return Reply{}, err
	}
	defer cache.release(key)
	if reply, ok := cache.get(key); ok {
		if c.config.Ledger != nil {
			c.config.Ledger.hit(r.Purpose)
		}
		return reply, nil
	}
	reply, err := c.ask(ctx, r, wire)
	if err != nil {
		return Reply{}, err
	}
	return reply, cache.put(key, reply)
}

// ask makes attempts until one succeeds or no other would.
func (c *Client) ask(ctx context.Context, r Request, wire wireRequest) (Reply, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = c.config.Pause, max(time.Minute, c.config.Pause)
	start, made := time.Now(), 0
	gated := time.Duration(0) // the part of the time for which nobody is to blame
	reply, err := backoff.Retry(ctx, func() (Reply, error) {
		made++
		waited, reply, err := c.attempt(ctx, r, wire)
		gated += waited
		var failed *attemptError
		switch {
		case err == nil:
			return reply, nil
		case !errors.As(err, &failed) || !failed.retry:
			return reply, backoff.Permanent(err)
		case time.Since(start)-gated+failed.after > c.config.Patience:
			return reply, backoff.Permanent(err)
		}
		return reply, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(uint(c.config.Attempts)), backoff.WithMaxElapsedTime(0))
	if err == nil {
		return reply, nil
	}
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Unwrap()
	}
	return Reply{}, c.explain(err, made, time.Since(start))
}

// explain words the error that ends a call.
func (c *Client) explain(err error, made int, took time.Duration) error {
	var failed *attemptError
	if !errors.As(err, &failed) {
		return err
	}
	switch {
	case requestStatus(failed.status):
		return &ContentError{"refused_request", failed.Error()}
	case failed.status == http.StatusUnauthorized || failed.status == http.StatusForbidden:
		return fmt.Errorf("teacher: %s: %w: check the API key and what it may be used for", c.endpoint, err)
	case failed.status == http.StatusNotFound:
		return fmt.Errorf("teacher: %s: %w: check the model %q and the URL, which mostly ends in /v1", c.endpoint, err, c.config.Model)
	case !failed.retry:
		return fmt.Errorf("teacher: %s: %w", c.endpoint, err)
	}
	return fmt.Errorf("teacher: %s: given up after %d attempts in %s: %w; run again to go on", c.endpoint, made, took.Round(time.Millisecond), err)
}
