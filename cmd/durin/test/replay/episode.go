package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Result is what became of a step.
type Result struct {
	Step   Step
	Answer Answer
	Faults []string // none: it is as wanted
}

// effect is how long what a command did may take to reach the server.
const effect = time.Second

// Play takes the steps of an episode on a fresh server, whose directory and that
// of a second one freshDir makes. It returns an error when the program could not
// be asked.
func (p *Program) Play(ctx context.Context, e Episode, freshDir func() string) (results []Result, err error) {
	server, err := p.Serve(ctx, e, freshDir())
	if err != nil {
		return nil, err
	}
	tokens := map[string]string{}
	defer func() {
		log, stopErr := server.Stop()
		if err == nil {
			err = stopErr
		}
		if leak := p.leaked(log, e, tokens); err == nil && leak != "" {
			err = fmt.Errorf("the log tells a token: %s", leak)
		}
	}()
	for _, step := range e.Steps {
		time.Sleep(time.Duration(step.Wait * float64(time.Second)))
		if len(step.Before) > 0 {
			if err := server.Run(ctx, step.Before...); err != nil {
				return results, err
			}
			time.Sleep(effect)
		}
		result, err := p.take(ctx, e, server, step, tokens, freshDir)
		if err != nil {
			return results, fmt.Errorf("%s: %w", step.Name, err)
		}
		results = append(results, result)
	}
	return results, nil
}

// take takes one step.
func (p *Program) take(ctx context.Context, e Episode, server *Server, step Step, tokens map[string]string, freshDir func() string) (Result, error) {
	earlier := func(name string) string { return tokens[name] }
	got, err := server.Send(step.Request, earlier)
	if err != nil {
		return Result{}, err
	}
	var slashed *Answer
	if step.Want.Status.AsWithSlash {
		if slashed, err = p.withSlash(ctx, e, step.Request, earlier, freshDir()); err != nil {
			return Result{}, err
		}
	}
	faults := step.Want.check(step.Request.Method, got, slashed)
	var body struct{ Token string }
	if json.Unmarshal(got.Body, &body) == nil && body.Token != "" {
		tokens[step.Name] = body.Token
	}
	if step.Want.FreshToken {
		if why := p.checkFresh(server, e, body.Token); why != "" {
			faults = append(faults, why)
		}
	}
	return Result{step, got, faults}, nil
}

// withSlash sends r, its path with a slash at the end, to a second fresh server.
func (p *Program) withSlash(ctx context.Context, e Episode, r Request, token func(string) string, dir string) (*Answer, error) {
	second, err := p.Serve(ctx, e, dir)
	if err != nil {
		return nil, err
	}
	path, query, asked := strings.Cut(r.Path, "?")
	r.Path = path + "/"
	if asked {
		r.Path += "?" + query
	}
	answer, err := second.Send(r, token)
	if _, stopErr := second.Stop(); err == nil {
		err = stopErr
	}
	return &answer, err
}

// checkFresh tells what is wrong with a token that must work and be new.
func (p *Program) checkFresh(server *Server, e Episode, token string) string {
	known, err := p.tokens(e)
	if err != nil {
		return err.Error()
	}
	if token == "" || slices.Contains(known, token) {
		return fmt.Sprintf("the token %q is not fresh", token)
	}
	scheme := text(e.Settings.Durin["AUTH_HEADER_PREFIX"])
	if scheme == "" {
		scheme = "Token"
	}
	used, err := server.Send(Request{Method: http.MethodGet, Path: "/api/", Headers: map[string]Raw{"Authorization": {Text: scheme + " " + token}}}, nil)
	if err != nil {
		return err.Error()
	}
	if used.Status != http.StatusOK {
		return fmt.Sprintf("the fresh token is answered with %d %s", used.Status, used.Body)
	}
	return ""
}

// tokens are those of the starting state.
func (p *Program) tokens(e Episode) ([]string, error) {
	objects, err := p.objects(e)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, object := range objects {
		var o struct{ Fields struct{ Token string } }
		if err := json.Unmarshal(object, &o); err != nil {
			return nil, err
		}
		if o.Fields.Token != "" {
			all = append(all, o.Fields.Token)
		}
	}
	return all, nil
}

// leaked is a token that log tells, or "".
func (p *Program) leaked(log string, e Episode, issued map[string]string) string {
	all, err := p.tokens(e)
	if err != nil {
		return err.Error()
	}
	for _, token := range issued {
		all = append(all, token)
	}
	for _, token := range all {
		if strings.Contains(log, token) {
			return token
		}
	}
	return ""
}
