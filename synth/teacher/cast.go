package teacher

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/zeebo/xxh3"

	"muonclip/synth/env"
	"muonclip/synth/task"
)

// Speaker is a model that takes a part in dialogues. The zero Speaker is a scripted one.
type Speaker struct {
	URL, Model        string
	APIKey            string
	PriceIn, PriceOut float64 // per million tokens of prompt and answer
	Sampling          Sampling
}

// CastConfig configures NewCast.
type CastConfig struct {
	// Agent and User are who speaks, Judge is who judges what was said. A User or Judge without URL that names a model is
	// at the agent's endpoint.
	Agent, User, Judge Speaker
	// Client has what holds for all endpoints: limits, timeouts and retries. Its other fields are not looked at.
	Client Config
	Dir    string  // folder of the answers and the ledger
	Budget float64 // of all calls together, those of earlier runs with the same folder included; 0 means no limit
}

// Cast makes those who speak in dialogues.
type Cast struct {
	// Agent and User make the speakers of a task's dialogue; nil where the scripted one speaks.
	Agent func(*task.Task) (env.Agent, error)
	User  func(*task.Task) (env.User, error)
	// Judge is the model that judges; nil for none.
	Judge Model
	// Describe says what their words depend on: models, endpoints, sampling and prompts.
	Describe map[string]string
	// Ledger counts what they cost.
	Ledger *Ledger
}

// NewCast checks the configuration and opens the ledger. Nothing is sent or written yet. It returns nil where nobody but
// scripted actors speaks.
func NewCast(c CastConfig) (*Cast, error) {
	if c.User.Model != "" && c.User.URL == "" {
		c.User.URL, c.User.APIKey = c.Agent.URL, c.Agent.APIKey
	}
	if c.Judge.Model != "" && c.Judge.URL == "" {
		c.Judge.URL, c.Judge.APIKey = c.Agent.URL, c.Agent.APIKey
	}
	if c.Agent.URL == "" && c.User.URL == "" && c.Judge.URL == "" {
		if c.Agent.Model != "" || c.User.Model != "" || c.Judge.Model != "" {
			return nil, errors.New("teacher: a model is named without the URL of its endpoint")
		}
		return nil, nil
	}
	if c.Budget < 0 {
		return nil, errors.New("teacher: the budget must not be negative")
	}
	for _, s := range []Speaker{c.Agent, c.User, c.Judge} {
		if c.Budget > 0 && s.URL != "" && s.PriceIn+s.PriceOut == 0 {
			return nil, errors.New("teacher: a budget needs the prices of all models: without them nothing would count against it")
		}
	}
	ledger, err := OpenLedger(filepath.Join(c.Dir, "ledger.jsonl"), c.Budget)
	if err != nil {
		return nil, err
	}
	cast := &Cast{Describe: map[string]string{}, Ledger: ledger}
	c.Client.Ledger, c.Client.Cache = ledger, NewCache(filepath.Join(c.Dir, "answers"))
	clients := map[string]*Client{}
	client := func(part string, s Speaker) (*Client, error) {
		if other := clients[s.URL]; other != nil {
			if s.Model == "" {
				return nil, fmt.Errorf("teacher: no model is named for the %s", part)
			}
			return other.For(s.Model, s.PriceIn, s.PriceOut), nil
		}
		config := c.Client
		config.BaseURL, config.Model, config.APIKey, config.PriceIn, config.PriceOut = s.URL, s.Model, s.APIKey, s.PriceIn, s.PriceOut
		out, err := New(config)
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", err, part)
		}
		clients[s.URL] = out
		return out, nil
	}
	if s := c.Agent; s.URL != "" {
		m, err := client("agent", s)
		if err != nil {
			return nil, err
		}
		cast.describe("agent", m, s)
		cast.Agent = func(t *task.Task) (env.Agent, error) { return NewAgent(m, s.Sampling, t.Key), nil }
	}
	if s := c.User; s.URL != "" {
		m, err := client("user", s)
		if err != nil {
			return nil, err
		}
		cast.describe("user", m, s)
		cast.Describe["user_prompt"] = promptFingerprint()
		cast.User = func(t *task.Task) (env.User, error) { return NewUser(m, s.Sampling, t), nil }
	}
	if s := c.Judge; s.URL != "" {
		m, err := client("judge", s)
		if err != nil {
			return nil, err
		}
		cast.describe("judge", m, s)
		cast.Judge = m
	}
	return cast, nil
}

func (c *Cast) describe(part string, m *Client, s Speaker) {
	c.Describe[part+"_model"], c.Describe[part+"_endpoint"] = s.Model, m.Host()
	r := s.Sampling.request("", 0)
	c.Describe[part+"_sampling"] = fmt.Sprintf("temperature %s, top_p %s, max_tokens %d", number(r.Temperature), number(r.TopP), r.MaxTokens)
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// promptFingerprint identifies what the model that plays the user is told, and what is refused of its answers.
func promptFingerprint() string {
	h := xxh3.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%s\n%s\n%s\n", promptVersion, userRules, greeting, StopMark, leaks, roles)
	for _, s := range task.Styles() {
		fmt.Fprintf(h, "%s %s\n", s, manners[s])
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
