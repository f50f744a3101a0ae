package durin

import "context"

// identity is what a request's context bears once its token was checked.
type identity struct {
	guard   *Guard
	session *Session // nil: nobody; shared, and never given away
	checked *checked // nil: nobody
}

type identityKey struct{}

// SessionFrom returns a copy of the session of the request's token, which a
// Guard's middleware has put into ctx, or nil: the caller is anonymous, or no
// middleware ran. Who changes it changes nothing for anybody else.
func SessionFrom(ctx context.Context) *Session {
	return sessionFrom(ctx, &Session{Client: new(Client)})
}

// The functions that return a Session of the caller's own are one line, which makes
// what it is copied to and becomes part of the caller: where that keeps nothing of
// it, nothing is allocated.

func sessionFrom(ctx context.Context, own *Session) *Session {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.session.copyTo(own)
	}
	return nil
}

// copyTo copies s to own, which has a Client to copy that of s to, and returns it;
// nil if s is nil. Field by field: own.Client must not be read and stored, or the
// compiler would not leave it where it is.
func (s *Session) copyTo(own *Session) *Session {
	if s == nil {
		return nil
	}
	own.ID, own.Digest, own.UserID, own.UserName = s.ID, s.Digest, s.UserID, s.UserName
	if s.Client != nil {
		*own.Client = *s.Client
	}
	own.Created, own.IssuedAt, own.ExpiresAt, own.Ceiling, own.LastUsed = s.Created, s.IssuedAt, s.ExpiresAt, s.Ceiling, s.LastUsed
	own.Device, own.Inactive, own.ReplacedBy = clone(s.Device), s.Inactive, clone(s.ReplacedBy)
	return own
}

// clone is a copy of s that shares nothing with it; nil of nil.
func (s *Session) clone() *Session {
	own := s.copyTo(&Session{Client: new(Client)})
	if own != nil && s.Client == nil {
		own.Client = nil
	}
	return own
}

func identityFrom(ctx context.Context, g *Guard) *identity {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok && id.guard == g {
		return id
	}
	return nil
}
