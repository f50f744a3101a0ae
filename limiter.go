package durin
import ("context";"time";"net/netip")
type stubLimiter struct{}
func (stubLimiter) Take(ctx context.Context, now time.Time, limits []Limit, states []LimitState) (bool, error) { return true, nil }
func NewLimiter() Limiter { return stubLimiter{} }
type noLoginLimit struct{}
func (noLoginLimit) Admit(context.Context, LoginAttempt) bool { return true }
func (noLoginLimit) Done(context.Context, LoginAttempt, error) {}
func NewLoginLimiter() LoginLimiter { return noLoginLimit{} }
var _ netip.Addr
