package metrics

import (
	"github.com/durin-go/durin"
	"github.com/prometheus/client_golang/prometheus"
)

// guardCollector makes metrics of what the Guard has counted.
type guardCollector struct{ guard *durin.Guard }

var (
	checks         = counter("checks_total", "Checks of tokens, by result.", "result")
	lookups        = counter("cache_lookups_total", "Checks of tokens by what the cache had: a session (hit), a refusal, or nothing (miss).", "result")
	loads          = counter("cache_loads_total", "Questions to the database after a miss; checks of one token share them.")
	voidLoads      = counter("cache_void_loads_total", "Questions to the database whose answer was overtaken by an ending or a change.")
	evictions      = counter("cache_evictions_total", "Cached sessions that gave way to others.")
	invalidations  = counter("cache_invalidations_total", "Cached sessions that were dropped because they ended or changed.")
	cached         = gauge("cache_sessions", "Sessions in the cache.")
	tombstones     = gauge("cache_tombstones", "Ended tokens that are remembered as ended.")
	logins         = counter("logins_total", "Logins by password, by result.", "result")
	issued         = counter("tokens_issued_total", "Tokens handed out: new ones, those that were there (reused), and those that a renewal put in the place of another (rotated).", "kind")
	renewed        = counter("tokens_renewed_total", "Expiries that a renewal or a login set anew.")
	ended          = counter("tokens_ended_total", "Tokens ended on this node, by cause; those of deleted clients are not counted.", "cause")
	throttled      = counter("throttled_total", "Requests that a throttle refused.")
	flushes        = counter("flushes_total", "Rounds of writing the last uses, by result.", "result")
	unwritten      = gauge("uses_unwritten", "Uses of sessions, and expiries moved by them, that wait to be written.")
	prunes         = counter("prunes_total", "Rounds of deleting what has expired, by result.", "result")
	lag            = gauge("invalidation_lag_seconds", "For how long endings on other nodes have not been heard of. Beyond a second cached sessions are read anew.")
	heard          = counter("invalidation_heard_total", "Endings and changes heard of from the database and from other nodes, one's own included.")
	announceErrors = counter("invalidation_announce_errors_total", "Endings that could not be announced through Redis or NOTIFY; other nodes find them in the database.")
	byClient       = counter("client_requests_total", "Requests let through, by client; added every ten seconds.", "client")
	throttledBy    = counter("client_throttled_total", "Requests that a throttle refused, by client.", "client")
	loginsBy       = counter("client_logins_total", "Logins by password, by client.", "client")
)

func (c *guardCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, checks, lookups, loads, voidLoads, evictions, invalidations, cached, tombstones, logins, issued, renewed, ended, throttled,
		flushes, unwritten, prunes, lag, heard, announceErrors, byClient, throttledBy, loginsBy)
}

func (c *guardCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.guard.Stats()
	c.checks(ch, &s)
	c.tokens(ch, &s)
	flushes.count(ch, s.Flushes.Done, "ok")
	flushes.count(ch, s.Flushes.Failed, "failed")
	unwritten.send(ch, float64(s.Unwritten))
	prunes.count(ch, s.Prunes.Done, "ok")
	prunes.count(ch, s.Prunes.Failed, "failed")
	lag.send(ch, s.Lag.Seconds())
	heard.count(ch, s.Heard)
	announceErrors.count(ch, s.AnnounceErrors)
	for name, n := range named(s.Clients) {
		byClient.count(ch, n.Requests, name)
		throttledBy.count(ch, n.Throttled, name)
		loginsBy.count(ch, n.Logins, name)
	}
}

func (c *guardCollector) checks(ch chan<- prometheus.Metric, s *durin.Stats) {
	checks.count(ch, s.Checks.Accepted, "ok")
	checks.count(ch, s.Checks.Malformed, "malformed")
	checks.count(ch, s.Checks.Invalid, "invalid")
	checks.count(ch, s.Checks.Expired, "expired")
	checks.count(ch, s.Checks.Inactive, "inactive")
	checks.count(ch, s.Checks.Failed, "failed")
	lookups.count(ch, s.Cache.Hits, "hit")
	lookups.count(ch, s.Cache.Refusals, "refusal")
	lookups.count(ch, s.Cache.Misses, "miss")
	loads.count(ch, s.Cache.Loads)
	voidLoads.count(ch, s.Cache.Void)
	evictions.count(ch, s.Cache.Evictions)
	invalidations.count(ch, s.Cache.Invalidations)
	cached.send(ch, float64(s.Cache.Entries))
	tombstones.send(ch, float64(s.Cache.Tombstones))
}

func (c *guardCollector) tokens(ch chan<- prometheus.Metric, s *durin.Stats) {
	logins.count(ch, s.Logins.Accepted, "ok")
	logins.count(ch, s.Logins.Wrong, "wrong")
	logins.count(ch, s.Logins.HeldBack, "held_back")
	logins.count(ch, s.Logins.Refused, "refused")
	logins.count(ch, s.Logins.Busy, "busy")
	logins.count(ch, s.Logins.Failed, "failed")
	issued.count(ch, s.Issued, "new")
	issued.count(ch, s.Reused, "reused")
	issued.count(ch, s.Rotated, "rotated")
	renewed.count(ch, s.Renewed)
	ended.count(ch, s.Ended.Replaced, "replaced")
	ended.count(ch, s.Ended.LoggedOut, "logged_out")
	ended.count(ch, s.Ended.Revoked, "revoked")
	ended.count(ch, s.Ended.User, "user_deleted")
	ended.count(ch, s.Ended.Pruned, "pruned")
	ended.count(ch, s.Ended.Replayed, "replayed")
	throttled.count(ch, s.Throttled)
}

// others is the label of clients beyond the bound. A client may be called so.
const others = "other"

// named gives what belongs to clients without a name of their own a label.
func named(all map[string]durin.ClientStats) map[string]durin.ClientStats {
	rest, some := all[""]
	if !some {
		return all
	}
	delete(all, "")
	n := all[others]
	all[others] = durin.ClientStats{Requests: n.Requests + rest.Requests, Throttled: n.Throttled + rest.Throttled, Logins: n.Logins + rest.Logins}
	return all
}
