package redisdurin

import "time"

// SetLease changes after how long an attempt whose end is never told is given up.
func (l *LoginLimiter) SetLease(d time.Duration) { l.lease = d }
