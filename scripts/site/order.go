package main

// A chapter is a part of the navigation.
type chapter struct {
	Title string
	files []string // from the repository's root
	Pages []*page
}

// chapters are in the order in which somebody who is new reads. What lies in docs and
// is named nowhere here comes at the end of the last one.
func chapters() []*chapter {
	return []*chapter{
		{Title: "Start", files: []string{"README.md", "docs/first-minute.md", "docs/install.md"}},
		{Title: "Protect", files: []string{
			"docs/protect-a-go-application.md", "docs/protect-any-application.md", "docs/own-users.md", "docs/clients-and-policies.md",
			"docs/browsers.md", "docs/go-client.md", "docs/introspection.md",
		}},
		{Title: "Grow", files: []string{"docs/many-nodes.md", "docs/pages.md", "docs/moving-from-django.md"}},
		{Title: "Run", files: []string{
			"docs/operating.md", "docs/metrics.md", "docs/upgrading.md", "docs/backup.md", "docs/audit.md", "docs/security.md", "docs/asvs.md", "docs/guarantees.md",
			"docs/performance.md", "docs/scaling.md",
		}},
		{Title: "Look up", files: []string{
			"docs/settings.md", "docs/commands.md", "docs/http-api.md", "docs/architecture.md", "docs/dependencies.md",
			"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
		}},
	}
}
