package node

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/redis/rueidis"
)

// RedisPrefix begins the keys and channels of an installation, by its name.
func RedisPrefix(c *config.Config, name string) string { return c.RedisPrefix + name + ":" }

const (
	// installations is the key under which all installations on one Redis tell
	// that they are there, and when they last did: the only one that they share.
	installations = "durin:installations"
	// installedFor is how long one is remembered.
	installedFor = 24 * time.Hour
	// registerEvery is how often one tells.
	registerEvery = time.Hour
)

// register tells others on this Redis of this installation until ctx ends, and logs
// when there are others. Where the key may not be used nobody hears of anybody.
func (r *lateRedis) register(ctx context.Context, client rueidis.Client) {
	var last string
	for {
		now := time.Now()
		err := client.Do(ctx, client.B().Zadd().Key(installations).ScoreMember().ScoreMember(float64(now.Unix()), r.name).Build()).Error()
		if err == nil {
			err = client.Do(ctx, client.B().Zremrangebyscore().Key(installations).Min("-inf").Max(strconv.FormatInt(now.Add(-installedFor).Unix(), 10)).Build()).Error()
		}
		others, listErr := OtherInstallations(ctx, client, r.name)
		if all := strings.Join(others, " "); err == nil && listErr == nil && all != last {
			last = all
			if all != "" {
				r.log.Info("other installations use this Redis, too: each has keys and channels of its own, and none feels the other", "installation", r.name, "others", all)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(registerEvery):
		}
	}
}

// maxInstallations bounds how many others are told of.
const maxInstallations = 10

// OtherInstallations are the names of others that have used a Redis in the last day.
func OtherInstallations(ctx context.Context, client rueidis.Client, own string) ([]string, error) {
	since := strconv.FormatInt(time.Now().Add(-installedFor).Unix(), 10)
	all, err := client.Do(ctx, client.B().Zrangebyscore().Key(installations).Min(since).Max("+inf").Limit(0, maxInstallations+1).Build()).AsStrSlice()
	if err != nil {
		return nil, err
	}
	var others []string
	for _, name := range all {
		if name != own {
			others = append(others, name)
		}
	}
	return others, nil
}
