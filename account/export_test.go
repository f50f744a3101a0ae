package account

import "github.com/durin-go/durin/internal/pages"

// Forms are the paths that take a POST, and what is said about each.
func (h *Handler) Forms() ([]string, pages.Rules) { return h.forms, rules }
