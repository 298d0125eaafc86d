package teacher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/zeebo/xxh3"

	"muonclip/data/chat"
	"muonclip/internal/atomicfile"
)

// Cache keeps answers on disk under the hash of what was asked, so that a run that goes on after it was stopped pays for
// nothing twice and says the same again. A damaged entry counts as missing and is written anew. Several clients may
// share one; the folder is made with the first answer.
type Cache struct {
	dir  string
	mu   sync.Mutex
	busy map[string]chan struct{} // calls that are under way, by key
}

// NewCache returns the cache in a folder.
func NewCache(dir string) *Cache { return &Cache{dir: dir, busy: map[string]chan struct{}{}} }

// entry is a file of the cache. The checksum covers the bytes of Reply.
type entry struct {
	Version int             `json:"version"`
	XXH3    string          `json:"xxh3"`
	Reply   json.RawMessage `json:"reply"`
}

const entryVersion = 1

// cached is what an entry keeps of a reply.
type cached struct {
	Message          chat.Message `json:"message"`
	Finish           string       `json:"finish"`
	Model            string       `json:"model"`
	PromptTokens     int          `json:"prompt_tokens"`
	CompletionTokens int          `json:"completion_tokens"`
	Cost             float64      `json:"cost"`
}

// cacheKey is the key of a request: a hash of everything that the answer may depend on.
func cacheKey(endpoint, model string, r Request, body []byte) string {
	h := sha256.New()
	for _, part := range []string{strconv.Itoa(entryVersion), endpoint, model, r.Purpose, strconv.Itoa(r.Sample), string(body)} {
		fmt.Fprintf(h, "%d\n%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c *Cache) path(key string) string { return filepath.Join(c.dir, key[:2], key+".json") }

// get finds an answer.
func (c *Cache) get(key string) (Reply, bool) {
	data, err := os.ReadFile(c.path(key))
	if err != nil {
		return Reply{}, false
	}
	var e entry
	var in cached
	if json.Unmarshal(data, &e) != nil || e.Version != entryVersion || e.XXH3 != checksum(e.Reply) || json.Unmarshal(e.Reply, &in) != nil {
		return Reply{}, false
	}
	return Reply{
		Message: in.Message, Finish: in.Finish, Model: in.Model, Cached: true,
		Usage: Usage{in.PromptTokens, in.CompletionTokens, in.Cost},
	}, true
}

// put keeps an answer.
func (c *Cache) put(key string, r Reply) error {
	raw, err := json.Marshal(cached{r.Message, r.Finish, r.Model, r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.Cost})
	if err != nil {
		return fmt.Errorf("teacher: cache: %w", err)
	}
	data, err := json.Marshal(entry{entryVersion, checksum(raw), raw})
	if err != nil {
		return fmt.Errorf("teacher: cache: %w", err)
	}
	path := c.path(key)
	err = atomicfile.WriteFile(path, data)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = atomicfile.WriteFile(path, data)
		}
	}
	if err != nil {
		return fmt.Errorf("teacher: cache: %w", err)
	}
	return nil
}

func checksum(data []byte) string { return fmt.Sprintf("%016x", xxh3.Hash(data)) }

// claim waits until nobody else asks the same, so that two workers do not pay for one answer.
func (c *Cache) claim(ctx context.Context, key string) error {
	for {
		c.mu.Lock()
		other, busy := c.busy[key]
		if !busy {
			c.busy[key] = make(chan struct{})
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// release ends a claim.
func (c *Cache) release(key string) {
	c.mu.Lock()
	close(c.busy[key])
	delete(c.busy, key)
	c.mu.Unlock()
}
