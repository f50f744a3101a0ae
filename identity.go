package durin

import "context"

// identity is what a request's context bears once its token was checked.
type identity struct {
	guard   *Guard
	session *Session // nil: nobody
	checked *checked // nil: nobody
}

type identityKey struct{}

// SessionFrom returns the session of the request's token, which a Guard's
// middleware has put into ctx, or nil: the caller is anonymous, or no middleware
// ran. The Session is shared: never change it.
func SessionFrom(ctx context.Context) *Session {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.session
	}
	return nil
}

func identityFrom(ctx context.Context, g *Guard) *identity {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok && id.guard == g {
		return id
	}
	return nil
}
