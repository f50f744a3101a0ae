// Package redisdurin lets the nodes of an application share throttles, the limits
// on guessing passwords and the news of endings through Redis or Valkey.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	guard, err := durin.New(ctx, durin.Options{
//		Store:        store,
//		Limiter:      limiter, // of redisdurin.NewLimiter(client, redisdurin.LimiterOptions{})
//		LoginLimiter: redisdurin.NewLoginLimiter(client, redisdurin.LoginLimiterOptions{}),
//		Invalidator:  redisdurin.NewInvalidator(client, redisdurin.InvalidatorOptions{}),
//	})
//
// The client is the caller's: a single server, Sentinel or Cluster. Nothing here
// is the only copy of anything: without Redis throttles fall back to what
// LimiterOptions.WhenAway says, nodes count guesses each by itself, and endings are heard of by polling the store.
package redisdurin
