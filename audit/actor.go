package audit

import (
	"context"

	"github.com/durin-go/durin"
)

// A Kind is a kind of Actor.
type Kind string

const (
	User        Kind = "user"        // by a session of its own
	Admin       Kind = "admin"       // on the admin pages
	Command     Kind = "command"     // ID is the account of the operating system
	Resource    Kind = "resource"    // a resource server
	System      Kind = "system"      // the program by itself
	Application Kind = "application" // that Durin is a part of
	Anonymous   Kind = "anonymous"   // nobody knows who
)

// An Actor is who did something.
type Actor struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// String is the name of the actor, for people.
func (a Actor) String() string {
	name := a.Name
	if name == "" {
		name = a.ID
	}
	switch {
	case name == "":
		return string(a.Kind)
	case a.Kind == User:
		return name
	}
	return string(a.Kind) + " " + name
}

type actorKey struct{}

// WithActor returns a context in which a does what is done.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the Actor of ctx: the one that WithActor has set, else the
// user whose token the request bears, else a zero one.
func ActorFrom(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	if s := durin.SessionFrom(ctx); s != nil {
		return Actor{User, s.UserID, s.UserName}
	}
	return Actor{}
}
