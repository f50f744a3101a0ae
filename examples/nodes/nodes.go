// Command nodes is an application that runs as several copies on one PostgreSQL.
// A token that one copy ends is refused by all of them at once, and with Redis a
// rate holds for all of them together.
//
//	go run . postgres://app@127.0.0.1/app 127.0.0.1:8001
//	go run . postgres://app@127.0.0.1/app 127.0.0.1:8002 127.0.0.1:6379
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/rueidis"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/pgxdurin"
	"github.com/durin-go/durin/redisdurin"
	"github.com/durin-go/durin/sqlstore"
)

// open returns the options of a Guard on a database that others use as well.
func open(ctx context.Context, url string) (durin.Options, *pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return durin.Options{}, nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	if err := sqlstore.Migrate(ctx, db, sqlstore.PostgreSQL); err != nil {
		return durin.Options{}, nil, err
	}
	store, err := sqlstore.Open(ctx, db, sqlstore.PostgreSQL, sqlstore.Options{})
	// Each copy needs the same keys for tokens that are shown again; here
	// none is.
	return durin.Options{Store: store, Users: store, ReuseWithoutKey: durin.PolicyReplace}, pool, err
}

// withNotify hears of endings through PostgreSQL: nothing else is needed.
func withNotify(o *durin.Options, pool *pgxpool.Pool) {
	o.Invalidator = pgxdurin.NewInvalidator(pool, pgxdurin.InvalidatorOptions{})
}

// withRedis hears of endings through Redis, and counts requests there. The
// client stays the application's.
func withRedis(o *durin.Options, client rueidis.Client) error {
	limiter, err := redisdurin.NewLimiter(client, redisdurin.LimiterOptions{WhenAway: redisdurin.AwayLocal})
	if err != nil {
		return err
	}
	o.Limiter = limiter
	o.Invalidator = redisdurin.NewInvalidator(client, redisdurin.InvalidatorOptions{})
	return nil
}

// routes are the application's.
func routes(ctx context.Context, guard *durin.Guard) (http.Handler, error) {
	_, err := guard.CreateClient(ctx, durin.Client{Name: "web", Rate: durin.Rate{N: 100, Period: time.Minute}})
	if err != nil && !errors.Is(err, durin.ErrExists) { // another copy was faster
		return nil, err
	}
	tokens, err := api.New(guard, api.Options{})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", tokens)
	mux.Handle("/", guard.Require(guard.Throttle()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		durin.WriteJSON(w, http.StatusOK, "hello "+durin.SessionFrom(r.Context()).UserName)
	}))))
	return mux, nil
}

func run(ctx context.Context, database, address, redis string) error {
	options, pool, err := open(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	withNotify(&options, pool)
	if redis != "" {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redis}, DisableCache: true})
		if err != nil {
			return err
		}
		defer client.Close()
		if err := withRedis(&options, client); err != nil {
			return err
		}
	}
	guard, err := durin.New(ctx, options)
	if err != nil {
		return err
	}
	defer func() { _ = guard.Close(context.Background()) }()
	handler, err := routes(ctx, guard)
	if err != nil {
		return err
	}
	return serve(ctx, &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second})
}

// serve answers requests until ctx ends, and then those that are under way.
func serve(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: nodes DATABASE ADDRESS [REDIS]")
	}
	redis := ""
	if len(os.Args) > 3 {
		redis = os.Args[3]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2], redis); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}
